// An hour of a token, written down as a table of decisions: the refresh behind it fails, later one succeeds.
import { withTokenCache } from "azure-token-cache";
import { ManualClock, Recorder, ScriptedCredential } from "azure-token-cache/testing";

const clock = new ManualClock();
const recorder = new Recorder(clock);
const inner = new ScriptedCredential(clock, [
  { livesMs: 3_600_000, delayMs: 700 },
  { error: new Error("the identity provider is down"), delayMs: 700 },
  { livesMs: 3_600_000, delayMs: 700 },
]);
const cached = withTokenCache(inner, { clock, onEvent: recorder.onEvent });
const credential = recorder.record(cached);
const scope = "https://vault.azure.net/.default";

const first = credential.getToken(scope);
await clock.advance(700);
await first;

for (const minute of [30, 56, 57, 61]) {
  await clock.advance(minute * 60_000 - clock.monotonicMillis());
  await credential.getToken(scope);
  await clock.advance(1_000);
}

console.log(recorder.table());
await cached.close();
