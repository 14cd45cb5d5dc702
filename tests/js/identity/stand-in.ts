// A private az folder whose files a test rewrites, a watch over it, and clocks that the test moves.
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type LoginNeeds, watchLogin } from "../../../node/ts/login-watch/login-watch.ts";
import { loadLoginWitness } from "../../../node/ts/login-watch/witness.ts";
import type { LoginWatch, Verdict } from "../../../wasm/ts/platform.ts";
import { fakeToken } from "../../leaks/search.mjs";

/** Who answers a watch's questions. */
export const witnesses = ["addon", "node:fs"] as const;
export type Witness = (typeof witnesses)[number];

export const tenant = "11111111-1111-1111-1111-111111111111";
export const otherTenant = "22222222-2222-2222-2222-222222222222";

/** A profile as az writes it: a BOM, JSON. Accounts of equal length make profiles of equal size. */
export function profileOf(user: string, change: Record<string, unknown> = {}): string {
  const subscription = {
    id: "33333333-3333-3333-3333-333333333333",
    name: "One",
    state: "Enabled",
    user: { name: `${user}@example.com`, type: "user" },
    isDefault: true,
    tenantId: tenant,
    environmentName: "AzureCloud",
    ...change,
  };
  return `\uFEFF${JSON.stringify({ installationId: "i", subscriptions: [subscription] })}`;
}

/** az, run by a credential that keeps to it. */
export const azNeeds: LoginNeeds = { tools: ["az"], reliance: "always", folder: "/bin" };

export class Stand implements Disposable {
  readonly folder: string;
  readonly #root: string;
  readonly #environment = { ...process.env };
  readonly #context: TestContext;
  /** What the watch waits with keeps no process alive. */
  readonly #alive = setInterval(() => {}, 2 ** 30);
  /** How far the clocks that the watch reads are ahead of the real ones. */
  #ahead = 0;

  constructor(context: TestContext, witness: Witness) {
    this.#context = context;
    this.#root = mkdtempSync(join(tmpdir(), "login-"));
    this.folder = join(this.#root, "azure");
    mkdirSync(this.folder);
    for (const name of ["AZURE_CLOUD_NAME", "ACC_CLOUD", "COPILOT_AGENT_SESSION_ID"])
      delete process.env[name];
    Object.assign(process.env, {
      AZURE_CONFIG_DIR: this.folder,
      HOME: this.#root,
      ATC_ADDON: witness === "addon" ? "" : "off",
    });
    const [monotonic, wall] = [process.hrtime, Date.now];
    context.mock.method(process, "hrtime", () => later(monotonic(), this.#ahead));
    context.mock.method(Date, "now", () => wall() + this.#ahead);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#alive);
    this.#context.mock.restoreAll();
    for (const name of Object.keys(process.env)) delete process.env[name];
    Object.assign(process.env, this.#environment);
    rmSync(this.#root, { recursive: true, force: true });
  }

  get home(): string {
    return this.#root;
  }

  path(name = "azureProfile.json"): string {
    return join(this.folder, name);
  }

  write(contents: string, name?: string): void {
    writeFileSync(this.path(name), contents);
  }

  /** As `cp -p` does: other contents under the times that were there. */
  writeKeepingTimes(contents: string): void {
    const { atime, mtime } = statSync(this.path());
    this.write(contents);
    utimesSync(this.path(), atime, mtime);
  }

  /** As an editor does. */
  replace(contents: string, name?: string): void {
    writeFileSync(`${this.path(name)}.new`, contents);
    renameSync(`${this.path(name)}.new`, this.path(name));
  }

  /** Time passes for the watch. */
  pass(ms: number): void {
    this.#ahead += ms;
  }

  /** A watch that has looked once. */
  async watch(needs: LoginNeeds = azNeeds): Promise<LoginWatch> {
    await loadLoginWitness();
    const watch = watchLogin(needs);
    watch.examine();
    return watch;
  }

  /** A watch that trusts the witness. */
  async settledWatch(needs?: LoginNeeds): Promise<LoginWatch> {
    const watch = await this.watch(needs);
    this.pass(3_000);
    if (!watch.unchanged(Date.now())) throw new Error("nothing changed, and the watch says so");
    return watch;
  }

  /** What a call with a token in hand learns, a millisecond after the one before. */
  call(watch: LoginWatch): Verdict {
    this.pass(1);
    return watch.unchanged(Date.now()) ? "same" : watch.examine();
  }
}

/** A reading of the monotonic clock, this many milliseconds on. */
export function later([seconds, nanoseconds]: [number, number], ms: number): [number, number] {
  return [seconds, nanoseconds + ms * 1e6];
}

/** A test for each witness. */
export function testEach(name: string, body: (stand: Stand, context: TestContext) => Promise<void>): void {
  for (const witness of witnesses) {
    test(`${witness}: ${name}`, { timeout: 60_000 }, async (context) => {
      using stand = new Stand(context, witness);
      await body(stand, context);
    });
  }
}

/** An unsigned token with these claims. */
export function tokenOf(claims: object): string {
  const [header, payload] = ["{}", JSON.stringify(claims)].map((part) =>
    Buffer.from(part).toString("base64url"),
  );
  return `${header}.${payload}.${fakeToken("unsigned")}`;
}
