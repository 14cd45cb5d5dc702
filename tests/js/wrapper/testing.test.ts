// The test kit itself: a clock that is moved, a scripted credential, and the table of a run.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withTokenCache } from "azure-token-cache";
import { ManualClock, Recorder, ScriptedCredential } from "azure-token-cache/testing";
import { fakeToken } from "../../leaks/search.mjs";
import { errorOf, hour, minute, scope } from "./wrapped.ts";

describe("ManualClock", () => {
  it("runs timers in their order, at their time, and those that they set", async () => {
    const clock = new ManualClock(1_000);
    const seen: [string, number][] = [];
    const note = (name: string) => () => seen.push([name, clock.unixMillis()]);
    clock.setTimer(note("late"), 20);
    clock.setTimer(() => {
      note("early")();
      clock.setTimer(note("set meanwhile"), 5);
    }, 10);
    clock.clearTimer(clock.setTimer(note("cleared"), 12));
    await clock.advance(19);
    assert.deepEqual(seen, [
      ["early", 1_010],
      ["set meanwhile", 1_015],
    ]);
    await clock.advance(1);
    assert.deepEqual(seen.at(-1), ["late", 1_020]);
  });

  it("sleeps and is set back without its timers knowing", async () => {
    const clock = new ManualClock(10_000);
    let ran = false;
    clock.setTimer(() => {
      ran = true;
    }, 100);
    await clock.suspend(1_000);
    assert.deepEqual([clock.unixMillis(), clock.monotonicMillis(), ran], [11_000, 0, false]);
    await clock.setBack(5_000);
    assert.deepEqual([clock.unixMillis(), clock.monotonicMillis(), ran], [6_000, 0, false]);
    await clock.advance(100);
    assert.deepEqual([clock.unixMillis(), clock.monotonicMillis(), ran], [6_100, 100, true]);
  });
});

describe("ScriptedCredential", () => {
  it("takes one step a call, then tokens of an hour", async () => {
    const clock = new ManualClock(0);
    const credential = new ScriptedCredential(clock, [
      { livesMs: 5, refreshInMs: 2, token: fakeToken("t") },
      null,
      { throws: 1 },
    ]);
    assert.deepEqual(await credential.getToken("a"), {
      token: fakeToken("t"),
      expiresOnTimestamp: 5,
      refreshAfterTimestamp: 2,
    });
    assert.equal(await credential.getToken("a"), null);
    assert.throws(() => credential.getToken("a"));
    assert.deepEqual(await credential.getToken("b"), { token: "token-2", expiresOnTimestamp: hour });
    assert.deepEqual(
      credential.calls.map(({ scopes }) => scopes),
      ["a", "a", "a", "b"],
    );
  });

  it("ends a call whose signal is aborted", async () => {
    const credential = new ScriptedCredential(new ManualClock(), ["never"]);
    const controller = new AbortController();
    const call = errorOf(credential.getToken("a", { abortSignal: controller.signal }));
    controller.abort();
    assert.equal(((await call) as Error).name, "AbortError");
  });
});

describe("Recorder", () => {
  it("prints a run as a table of decisions", async () => {
    const clock = new ManualClock();
    const recorder = new Recorder(clock);
    const source = new ScriptedCredential(clock, [
      { livesMs: 10 * minute },
      { error: new RangeError("no") },
      null,
    ]);
    const credential = recorder.record(
      withTokenCache(source, { clock, identity: "fixed", onEvent: recorder.onEvent }),
    );
    await credential.getToken(scope);
    await clock.advance(5 * minute);
    await credential.getToken(scope);
    await clock.advance(3 * minute);
    await credential.getToken(scope);
    await clock.advance(2 * minute);
    await credential.getToken(scope);
    assert.equal(
      recorder.table(),
      `
time       what          line            result
0.000 s    fetch-start                   in front
0.000 s    fetch-end                     granted
0.000 s    call          expired         token 1, 600 s left
300.000 s  call          fresh           token 1, 300 s left
480.000 s  fetch-start                   behind
480.000 s  call          refresh-behind  token 1, 120 s left
480.000 s  served-stale
480.000 s  fetch-end                     failed: RangeError
600.000 s  fetch-start                   in front
600.000 s  fetch-end                     null
600.000 s  call          expired         null`.trimStart(),
    );
  });
});
