// What the real OpenTelemetry SDK measures of caches: sums by kind of credential that never fall, whoever comes and goes.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { DataPointType } from "@opentelemetry/sdk-metrics";
import { type GetTokenOptions, TokenCache, type TokenCredential, withTokenCache } from "azure-token-cache";
import { ManualClock, ScriptedCredential } from "azure-token-cache/testing";
import { identity } from "../../stand/identity.ts";
import { errorOf, hour, minute, scope, wrapped } from "../wrapper/wrapped.ts";
import { Telemetry } from "./telemetry.ts";

describe("metrics", () => {
  it("have names, units and kinds of instruments", async () => {
    await using telemetry = Telemetry.register();
    await wrapped().credential.getToken(scope);
    const found = (await telemetry.metrics()).map((metric) => [
      metric.descriptor.name,
      metric.descriptor.unit,
      DataPointType[metric.dataPointType],
      "isMonotonic" in metric && metric.isMonotonic,
    ]);
    assert.deepEqual(found.sort(), [
      ["azure_token_cache.fetch.duration", "s", "HISTOGRAM", false],
      ["azure_token_cache.fetch.failures", "{fetch}", "SUM", true],
      ["azure_token_cache.fetches", "{fetch}", "SUM", true],
      ["azure_token_cache.hits", "{call}", "SUM", true],
      ["azure_token_cache.tokens", "{token}", "SUM", false],
      ["azure_token_cache.waits", "{call}", "SUM", true],
    ]);
  });

  it("say what stats() says, hits of the hot path included", async () => {
    const before = await totalsNow();
    await using telemetry = Telemetry.register();
    const { credential, clock } = wrapped([{}, { error: new Error("no") }, { error: new Error("no") }]);
    for (let call = 0; call < 6; call += 1) await credential.getToken(scope);
    await clock.advance(hour - 4 * minute);
    await credential.getToken(scope);
    await clock.settle();
    await errorOf(credential.getToken("other"));
    const { hits, waits, fetches, fetchesBehind, failures, tokens } = credential.stats();
    assert.deepEqual([hits, waits, fetches, fetchesBehind, failures, tokens], [6, 2, 3, 1, 2, 1]);
    const grown = async (name: string, of = "credential") =>
      Number((await telemetry.values(`azure_token_cache.${name}`))[of]) - (before[`${name} ${of}`] ?? 0);
    assert.equal(await grown("hits"), 6);
    assert.equal(await grown("waits"), 2);
    assert.equal(await grown("fetches", "credential front"), 2);
    assert.equal(await grown("fetches", "credential behind"), 1);
    assert.equal(await grown("fetch.failures"), 2);
    assert.equal(await grown("tokens"), 1);
  });

  it("time fetches, by how they ended", async () => {
    await using telemetry = Telemetry.register();
    const refusal = Object.assign(new Error("no"), { name: "CredentialUnavailableError" });
    const { credential, clock } = wrapped([{ delayMs: 250 }, { delayMs: 2_000, error: refusal }]);
    const answers = [credential.getToken("a"), errorOf(credential.getToken("b"))];
    await clock.advance(250);
    await clock.advance(1_750);
    await Promise.all(answers);
    const durations = (await telemetry.values("azure_token_cache.fetch.duration")) as Record<
      string,
      { count: number; sum: number; buckets: { boundaries: number[] } }
    >;
    assert.deepEqual(
      Object.entries(durations).map(([of, { count, sum }]) => [of, count, sum]),
      [
        ["credential front granted", 1, 0.25],
        ["credential front failed CredentialUnavailableError", 1, 2],
      ],
    );
    assert.equal(Object.values(durations)[0]?.buckets.boundaries[0], 0.001);
  });

  it("are apart by kind of credential, and together over all caches", async () => {
    await using telemetry = Telemetry.register();
    const clock = new ManualClock();
    const cache = new TokenCache({ clock });
    const alone = withTokenCache(secretCredential(clock), { clock });
    const credentials = [cache.wrap(secretCredential(clock)), cache.wrap(secretCredential(clock)), alone];
    for (const credential of credentials)
      for (let call = 0; call < 3; call += 1) await credential.getToken(scope);
    const secrets = async (name: string) =>
      (await telemetry.values(`azure_token_cache.${name}`))["ClientSecretCredential"];
    assert.deepEqual([await secrets("hits"), await secrets("tokens")], [6, 3]);
    await credentials[0]?.close();
    await cache.close();
    await alone.close();
    assert.deepEqual([await secrets("hits"), await secrets("tokens")], [6, 0], "what was counted stays");
  });

  it("are picked up by a cache that is older than the SDK's start, at its next look at the engine", async () => {
    const { credential, clock } = wrapped();
    for (let call = 0; call < 4; call += 1) await credential.getToken(scope);
    const before = await totalsNow();
    await using telemetry = Telemetry.register();
    await clock.advance(minute);
    await credential.getToken(scope);
    const hits = Number((await telemetry.values("azure_token_cache.hits"))["credential"]);
    assert.equal(hits - (before["hits credential"] ?? 0), 4, "those from before it count as well");
  });

  it("hold no cache that the program dropped, and keep what was counted by then", () => {
    const subject = fileURLToPath(new URL("dropped.subject.ts", import.meta.url));
    const run = spawnSync(process.execPath, ["--expose-gc", "--import", "tsx", subject], {
      encoding: "utf8",
    });
    assert.equal(run.status, 0, run.stderr);
    const { collected, hits, tokens } = JSON.parse(run.stdout) as Record<string, number>;
    assert.equal(collected, 200);
    assert.deepEqual([hits, tokens], [400, 0]);
  });
});

/** Of a kind that is known, with scripted answers. */
function secretCredential(clock: ManualClock): TokenCredential {
  const scripted = new ScriptedCredential(clock);
  const credential: TokenCredential = new identity.ClientSecretCredential("tenant", "client", "secret");
  credential.getToken = (scopes, options) => scripted.getToken(scopes, options as GetTokenOptions);
  return credential;
}

/** What caches of earlier tests of this process have counted. */
async function totalsNow(): Promise<Record<string, number>> {
  await using telemetry = Telemetry.register();
  // The first look at a provider is what makes it one of ours.
  await wrapped().credential.getToken(scope);
  const totals: Record<string, number> = {};
  for (const { descriptor, dataPoints } of await telemetry.metrics())
    for (const { attributes, value } of dataPoints)
      totals[`${descriptor.name.slice("azure_token_cache.".length)} ${Object.values(attributes).join(" ")}`] =
        Number(value);
  return totals;
}
