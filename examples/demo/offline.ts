// The demo on an offline stand: the real az, logged in against a local stand-in for Entra ID.
import type { TokenCredential } from "@azure/core-auth";
import { AzureCliCredential } from "@azure/identity";
import { withTokenCache } from "azure-token-cache";
import { RealAz } from "../../tests/stand/az.ts";
import { alice, bruno, principalWith } from "../../tests/stand/directory.ts";
import { type Entra, startEntra } from "../../tests/stand/entra.ts";
import { manyRequests } from "../../tests/stand/sdk-clients.ts";
import { during, heading, milliseconds, note, table } from "./screen.ts";

/** Twelve SDK clients as an app has them, each with the pipeline of the Azure SDK, all with one credential. */
const demand = { clients: 12, requests: 3 };

/** The exit code: 1 where an act did not come out as it should. */
export async function offline(): Promise<number> {
  heading(
    "azure-token-cache",
    "The real az, in a private home, logged in against a local stand-in for Entra ID. Nothing leaves this machine.",
  );
  const entra = await startEntra();
  await using az = await during("registering the stand-in as a cloud of az", RealAz.create(entra));
  const leave = az.enter();
  try {
    await during(`az login as ${alice.principalName}`, az.login(alice));
    const stage = { entra, az, scope: `${entra.url}/arm/.default` };
    const acts = [await costs(stage), await follows(stage), await survives(stage)];
    return acts.every((good) => good) ? 0 : 1;
  } finally {
    leave();
    await entra.close();
  }
}

interface Stage {
  readonly entra: Entra;
  readonly az: RealAz;
  /** Of the stand's own resource manager: az knows it as a resource of its cloud. */
  readonly scope: string;
}

interface Outcome {
  readonly milliseconds: number;
  /** Who called, as the service sees it. */
  readonly callers: string;
}

/** Rejects when a single request of a single client fails. */
async function ask({ entra, scope }: Stage, credential: TokenCredential): Promise<Outcome> {
  const began = performance.now();
  const seen = await manyRequests(credential, scope, entra, demand);
  const milliseconds = performance.now() - began;
  const callers = new Set(seen.map((caller) => principalWith(entra.directory, caller.objectId)));
  return {
    milliseconds,
    callers: [...callers].map((each) => (each?.kind === "user" ? each.principalName : "?")).join(", "),
  };
}

async function costs(stage: Stage): Promise<boolean> {
  const { az, scope } = stage;
  heading(
    "1. What a token costs",
    `${demand.clients} SDK clients, ${demand.requests} requests each, one credential: without the cache and with it.`,
  );
  await az.forgetStarts();
  const bare = await during("without the cache", ask(stage, new AzureCliCredential()));
  const bareStarts = (await az.starts()).length;

  await az.forgetStarts();
  const credential = withTokenCache(new AzureCliCredential());
  const cold = await during("with the cache", ask(stage, credential));
  const coldStarts = (await az.starts()).length;
  const warm = await ask(stage, credential);
  const warmStarts = (await az.starts()).length - coldStarts;
  const hit = await timeHits(() => credential.getToken(scope));
  await credential.close();

  const line = (what: string, milliseconds_: number, starts: number) => ({
    what,
    value: `${milliseconds(milliseconds_).padStart(8)}   ${starts} az ${starts === 1 ? "process" : "processes"}`,
  });
  table([
    line("without the cache", bare.milliseconds, bareStarts),
    line("with it, the first time", cold.milliseconds, coldStarts),
    line("with it, new clients again", warm.milliseconds, warmStarts),
    { what: "a call to getToken from then on", value: milliseconds(hit).padStart(8) },
  ]);
  return coldStarts === 1 && warmStarts === 0;
}

/** The median of a few rounds, in milliseconds a call. */
async function timeHits(call: () => Promise<unknown>): Promise<number> {
  const calls = 2_000;
  const rounds: number[] = [];
  for (let round = 0; round < 9; round += 1) {
    const began = performance.now();
    for (let index = 0; index < calls; index += 1) await call();
    rounds.push((performance.now() - began) / calls);
  }
  return rounds.sort((left, right) => left - right)[4] ?? Number.NaN;
}

async function follows(stage: Stage): Promise<boolean> {
  heading("2. Who is logged in", "Another account logs in with az, and the same credential is asked again.");
  const credential = withTokenCache(new AzureCliCredential());
  const before = await during("asking", ask(stage, credential));
  await during(`az login as ${bruno.principalName}`, stage.az.login(bruno));
  const after = await during("asking again", ask(stage, credential));
  await credential.close();
  const good = [before.callers === alice.principalName, after.callers === bruno.principalName];
  table([
    { what: "the service saw", value: before.callers, good: good[0] },
    { what: "and after the login", value: after.callers, good: good[1] },
  ]);
  return good.every((each) => each);
}

async function survives({ entra, az, scope }: Stage): Promise<boolean> {
  heading(
    "3. An outage",
    "Tokens live 290 s here: too short for az to keep, and due at once by this policy. Then the stand-in refuses connections.",
  );
  entra.control.token.lifetimeSeconds = 290;
  let failedBehind = 0;
  const credential = withTokenCache(new AzureCliCredential(), {
    policy: { refreshBeforeExpiryMs: 3_600_000, scaleShortLives: false, retryDelayMs: 500 },
    onEvent: (event) => {
      if (event.type === "fetch-end" && event.outcome === "failed") failedBehind += 1;
    },
  });
  await during(
    "az logs out and in, so that it holds no token",
    az.clearAccounts().then(() => az.login(alice)),
  );
  await during("asking while all is well", credential.getToken(scope));
  await entra.outage();
  const bare = await during(
    "without the cache",
    new AzureCliCredential().getToken(scope).then(
      () => "a token",
      (error: Error) => error.name,
    ),
  );
  const callers = await during(
    "callers go on asking, until a refresh behind them has failed",
    askUntil(
      () => failedBehind > 0,
      () => credential.getToken(scope),
    ),
  );
  await credential.close();
  await entra.restore();
  table([
    { what: "without the cache", value: bare, good: bare === "a token" },
    {
      what: "callers with the cache",
      value: `${callers.served} of ${callers.asked} have a valid token`,
      good: callers.served === callers.asked,
    },
    { what: "refreshes that failed behind them", value: String(failedBehind) },
  ]);
  note("A token is served until its expiry, never beyond it.");
  return callers.served === callers.asked && failedBehind > 0;
}

async function askUntil(
  done: () => boolean,
  call: () => Promise<unknown>,
): Promise<{ readonly asked: number; readonly served: number }> {
  let [asked, served] = [0, 0];
  while (!done()) {
    const answers = await Promise.allSettled(Array.from({ length: 100 }, call));
    asked += answers.length;
    served += answers.filter((answer) => answer.status === "fulfilled" && answer.value !== null).length;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { asked, served };
}
