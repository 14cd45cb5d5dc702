// What Node's platform gives to the portable code.
import assert from "node:assert/strict";
import { test } from "node:test";
import { cliIdentity } from "azure-token-cache/node";
import { nodePlatform } from "../../../node/ts/platform.ts";
import { profileOf, testEach } from "./stand-in.ts";

const unknown = { getToken: async () => null };

test("a timer keeps the process alive only where a caller waits", () => {
  for (const keepAlive of [true, false]) {
    const timer = nodePlatform.setTimer(() => {}, 1_000_000, keepAlive) as NodeJS.Timeout;
    assert.equal(timer.hasRef(), keepAlive);
    nodePlatform.clearTimer(timer);
  }
});

test("the environment is that of the moment", () => {
  process.env["ATC_SEEN"] = "1";
  assert.equal(nodePlatform.environment("ATC_SEEN"), "1");
  delete process.env["ATC_SEEN"];
  assert.equal(nodePlatform.environment("ATC_SEEN"), undefined);
});

test("an identity that is none is refused, with what to pass instead", () => {
  for (const identity of ["cli", {}, 1, null]) {
    assert.throws(() => nodePlatform.watch(unknown, identity), /cliIdentity\(\)/);
  }
});

test("a credential that nobody knows is watched once a second, one that says so at every call", () => {
  assert.equal(nodePlatform.kindOf(unknown), undefined);
  assert.equal(nodePlatform.watch(unknown, undefined)?.everyMs, 1_000);
  assert.equal(nodePlatform.watch(unknown, cliIdentity())?.everyMs, 0);
});

testEach("cliIdentity watches az, and not what nobody can find", async (stand) => {
  stand.write(profileOf("ann"));
  const watch = nodePlatform.watch(unknown, cliIdentity());
  assert.ok(watch);
  await watch.run(async () => {});
  assert.equal(stand.call(watch), "same");
  stand.write(profileOf("ben"));
  assert.equal(stand.call(watch), "changed");
  process.env["AZURE_CONFIG_DIR"] = "somewhere";
  assert.equal(stand.call(watch), "bypass", "relative to a folder that nobody knows");
});
