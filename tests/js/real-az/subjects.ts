// The credentials that the cache wraps in these tests, and the stage on which they run.
import { after, afterEach, before } from "node:test";
import type { TokenCredential } from "@azure/core-auth";
import { AzureCliCredential } from "azure-token-cache/node";
import { RealAz } from "../../stand/az.ts";
import { type Entra, startEntra } from "../../stand/entra.ts";
import { identity } from "../../stand/identity.ts";

export interface Subject {
  readonly name: string;
  /** Sets the environment that the subject needs; the stage's clean-up undoes it. */
  create(): TokenCredential;
}

/** What most apps have. */
export const plain: Subject = {
  name: "@azure/identity's AzureCliCredential",
  create: () => new identity.AzureCliCredential(),
};

/** The runner and the watch in plain JavaScript. */
export const withoutAddon: Subject = {
  name: "our AzureCliCredential without the addon",
  create() {
    process.env["ATC_ADDON"] = "off";
    return new AzureCliCredential();
  },
};

export const subjects: readonly Subject[] = [
  plain,
  { name: "our AzureCliCredential", create: () => new AzureCliCredential() },
  withoutAddon,
];

/** A chain that az's credential stands in, among others that have nothing here. */
export const chain: Subject = {
  name: "@azure/identity's DefaultAzureCredential",
  create() {
    process.env["AZURE_TOKEN_CREDENTIALS"] = "dev";
    return new identity.DefaultAzureCredential();
  },
};

export const limits = { timeout: 180_000 };

export interface Stage {
  readonly entra: Entra;
  readonly az: RealAz;
  /** A resource of the stand's own cloud, which az asks for again at each login. */
  readonly scope: string;
}

/** One stand and one az home for a test file, as new before each of its tests. */
export function stage(): () => Stage {
  let current: Stage | undefined;
  let leave: (() => void) | undefined;
  before(async () => {
    const entra = await startEntra();
    const az = await RealAz.create(entra);
    leave = az.enter();
    current = { entra, az, scope: `${entra.url}/arm/.default` };
  });
  after(async () => {
    leave?.();
    await current?.az[Symbol.asyncDispose]();
    await current?.entra.close();
  });
  afterEach(async () => {
    delete process.env["ATC_ADDON"];
    delete process.env["AZURE_TOKEN_CREDENTIALS"];
    if (current === undefined) return;
    current.entra.control.calm();
    current.entra.control.token = { lifetimeSeconds: 3600, refreshInSeconds: undefined, claims: {} };
    current.entra.control.challenge = undefined;
    await current.entra.restore();
    await current.az.reset();
  });
  return () => {
    if (current === undefined) throw new Error("the stage is set up before the first test");
    return current;
  };
}
