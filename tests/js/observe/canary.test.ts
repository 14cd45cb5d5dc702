// No secret reaches those who listen: not a token, not a claim, and nothing that an error says.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { AzureLogger, setLogLevel } from "@azure/logger";
import { withTokenCache } from "azure-token-cache";
import { ManualClock, ScriptedCredential } from "azure-token-cache/testing";
import { fakeToken } from "../../leaks/search.mjs";
import { errorOf, hour, minute } from "../wrapper/wrapped.ts";
import { Telemetry } from "./telemetry.ts";

const canary = fakeToken("7f3a9c51e2");
const needles = [canary, Buffer.from(canary).toString("base64").slice(0, 20)];

test("a canary in tokens, claims and errors is in no log line, no metric and no span", async () => {
  const lines: string[] = [];
  let end: () => void = () => {};
  const logged = new Promise<void>((resolve) => {
    end = resolve;
  });
  AzureLogger.log = (...args: unknown[]) => {
    lines.push(inspect(args));
    if (lines.at(-1)?.includes('"last"')) end();
  };
  setLogLevel("verbose");
  process.env["AZURE_LOG_LEVEL"] = "verbose";
  await using telemetry = Telemetry.register();

  const named = Object.assign(new Error(canary), { name: `Bearer ${canary}`, code: canary });
  const clock = new ManualClock();
  const source = new ScriptedCredential(clock, [
    { token: canary },
    { token: canary },
    { error: new Error(`alice ${canary} is not known here`) },
    { error: named },
    { token: canary, expiresOnTimestamp: 5 },
    { error: named },
    { token: canary },
  ]);
  const credential = withTokenCache(source, { clock, identity: "fixed" });
  await credential.getToken("a");
  await credential.getToken("a", { claims: `{"canary":"${canary}"}` });
  for (const scope of ["b", "b", "c", "d"]) await errorOf(credential.getToken(scope));
  await clock.advance(hour - 4 * minute);
  await credential.getToken("a");
  await clock.settle();
  await credential.getToken("last");
  await logged;

  const heard = { lines, spans: telemetry.spans(), metrics: await telemetry.metrics() };
  assert.deepEqual(
    [heard.lines.length, heard.spans.length, heard.metrics.length].map((count) => count > 5),
    [true, true, true],
  );
  const everything = inspect(heard, { depth: 20, showHidden: true, maxArrayLength: null });
  for (const needle of needles) assert.ok(!everything.includes(needle), needle);
  assert.ok(!everything.includes("alice"));
});
