// Every line of the decision table, through the wrapper.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TokenCache } from "azure-token-cache";
import { ManualClock, ScriptedCredential } from "azure-token-cache/testing";
import { fakeToken } from "../../leaks/search.mjs";
import { errorOf, exact, hour, minute, scope, stateOf, textOf, wrapped } from "./wrapped.ts";

describe("a token that is not due", () => {
  it("is served without a fetch, the same frozen object to everyone", async () => {
    const { credential, source } = wrapped();
    const first = await credential.getToken(scope);
    assert.equal(await credential.getToken(scope), first);
    assert.equal(await credential.getToken([scope]), first);
    assert.ok(Object.isFrozen(first));
    assert.equal(source.calls.length, 1);
  });

  it("keeps what else the credential returned, and leaves the credential's own object alone", async () => {
    const own = {
      token: fakeToken("t"),
      expiresOnTimestamp: Date.UTC(2026, 0, 2),
      tokenType: "Bearer" as const,
      extra: { a: 1 },
    };
    const { credential, source } = wrapped();
    source.getToken = async () => own;
    assert.deepEqual(await credential.getToken(scope), own);
    assert.ok(!Object.isFrozen(own));
  });

  it("is asked of the engine again after a lease of 30 s at most", async () => {
    const { credential, clock, source } = wrapped([{ livesMs: 10 * minute }]);
    await credential.getToken(scope);
    for (let second = 0; second < 299; second += 1) {
      await clock.advance(1_000);
      await credential.getToken(scope);
    }
    assert.equal(source.calls.length, 1);
  });
});

describe("a token that is due", () => {
  it("is served at once while one fetch runs behind", async () => {
    const { credential, clock, source } = wrapped([{}, { delayMs: 3_000 }]);
    await credential.getToken(scope);
    await clock.advance(hour - 5 * minute);
    const during = await Promise.all([1, 2, 3].map(() => textOf(credential.getToken(scope))));
    assert.deepEqual(during, ["token-1", "token-1", "token-1"]);
    assert.equal(source.calls.length, 2);
    await clock.advance(3_000);
    assert.equal(await textOf(credential.getToken(scope)), "token-2");
  });

  it("obeys its source's hint", async () => {
    const { credential, clock, source } = wrapped([{ refreshInMs: 10 * minute }]);
    await credential.getToken(scope);
    await clock.advance(10 * minute - 1);
    await credential.getToken(scope);
    assert.equal(source.calls.length, 1);
    await clock.advance(1);
    assert.equal(await textOf(credential.getToken(scope)), "token-1");
    assert.equal(source.calls.length, 2);
  });

  it("waits for the retry gate after a failure behind, and no caller sees it", async () => {
    const failing = { error: new Error("no") };
    const { credential, clock, source, events } = wrapped([{}, failing, failing], { policy: exact });
    await credential.getToken(scope);
    await clock.advance(hour - 4 * minute);
    for (let second = 0; second < 60; second += 1) {
      assert.equal(await textOf(credential.getToken(scope)), "token-1");
      await clock.advance(1_000);
    }
    assert.equal(source.calls.length, 3, "attempts at 0 and 30 s");
    assert.equal(events.filter(({ type }) => type === "served-stale").length, 2);
  });

  it("with little left is waited for, at most 10 s and half of what is left, then served old", async () => {
    const { credential, clock, source } = wrapped([{}, { delayMs: 15_000 }]);
    await credential.getToken(scope);
    await clock.advance(hour - 50_000);
    const waiting = credential.getToken(scope);
    await clock.advance(9_999);
    assert.equal(await stateOf(waiting, clock), "pending");
    await clock.advance(1);
    assert.equal(await stateOf(waiting, clock), "token-1");
    assert.equal(await textOf(credential.getToken(scope)), "token-1", "who comes later does not wait");
    await clock.advance(5_000);
    assert.equal(await textOf(credential.getToken(scope)), "token-2", "the fetch went on behind");
    assert.equal(source.calls.length, 2);
  });

  it("with little left is served when its refresh fails", async () => {
    const { credential, clock } = wrapped([{}, { error: new Error("no"), delayMs: 1_000 }]);
    await credential.getToken(scope);
    await clock.advance(hour - 30_000);
    const waiting = credential.getToken(scope);
    await clock.advance(1_000);
    assert.equal(await stateOf(waiting, clock), "token-1");
  });
});

describe("a token that has expired", () => {
  it("is never served: callers wait for one fetch", async () => {
    const { credential, clock, source } = wrapped([{}, { delayMs: 100 }]);
    await credential.getToken(scope);
    await clock.advance(hour - 2_000);
    const waiting = credential.getToken(scope);
    assert.equal(await stateOf(waiting, clock), "pending");
    await clock.advance(100);
    assert.equal(await stateOf(waiting, clock), "token-2");
    assert.equal(source.calls.length, 2);
  });

  it("gives the error of the fetch, and remembers it for a second, doubling", async () => {
    const error = new TypeError("no");
    const { credential, clock, source } = wrapped([{ error }, { error }, { error }]);
    const at = async (milliseconds: number, calls: number) => {
      await clock.advance(milliseconds);
      assert.equal(await errorOf(credential.getToken(scope)), error);
      assert.equal(source.calls.length, calls);
    };
    await at(0, 1);
    await at(999, 1);
    await at(1, 2);
    await at(1_999, 2);
    await at(1, 3);
  });

  it("of a network failure is remembered for five seconds", async () => {
    const network = Object.assign(new Error("no"), { cause: { code: "ENOTFOUND" } });
    const { credential, clock, source } = wrapped([{ error: network }]);
    await errorOf(credential.getToken(scope));
    await clock.advance(4_999);
    assert.equal(await errorOf(credential.getToken(scope)), network);
    await clock.advance(1);
    assert.equal(await textOf(credential.getToken(scope)), "token-1");
    assert.equal(source.calls.length, 2);
  });
});

describe("a network failure", () => {
  const code = (name: string) => Object.assign(new Error(name), { code: name });
  const shapes: [string, unknown, boolean][] = [
    ["its own code", code("ECONNREFUSED"), true],
    ["the code of the SDK's pipeline", code("REQUEST_SEND_ERROR"), true],
    ["MSAL's code", Object.assign(new Error("x"), { errorCode: "network_error" }), true],
    ["its cause's cause", { cause: { cause: code("EAI_AGAIN") } }, true],
    ["the error within", { innerError: code("ETIMEDOUT") }, true],
    ["all its errors", new AggregateError([code("ECONNREFUSED"), code("ENETUNREACH")]), true],
    ["some of its errors", new AggregateError([code("ECONNREFUSED"), new Error("not logged in")]), false],
    ["none of its errors", new AggregateError([]), false],
    ["another code", code("EACCES"), false],
  ];
  for (const [what, error, isNetwork] of shapes)
    it(`is ${isNetwork ? "" : "not "}known by ${what}`, async () => {
      const { credential, clock, source } = wrapped([{ error }]);
      await errorOf(credential.getToken(scope));
      await clock.advance(1_000);
      await credential.getToken(scope).catch(() => {});
      assert.equal(source.calls.length, isNetwork ? 1 : 2);
    });
});

describe("time", () => {
  it("that passed in a suspended machine counts", async () => {
    const { credential, clock } = wrapped();
    await credential.getToken(scope);
    await clock.suspend(2 * hour);
    assert.equal(await textOf(credential.getToken(scope)), "token-2");
  });

  it("that was set back makes a token due, and does not lengthen its life", async () => {
    const { credential, clock, source } = wrapped([
      {},
      { error: new Error("no") },
      { error: new Error("no") },
    ]);
    await credential.getToken(scope);
    await clock.advance(30 * minute);
    await clock.setBack(hour);
    assert.equal(await textOf(credential.getToken(scope)), "token-1");
    assert.equal(source.calls.length, 2);
    await clock.advance(31 * minute);
    assert.ok((await errorOf(credential.getToken(scope))) instanceof Error);
  });

  it("that was set back within a lease ends it", async () => {
    const { credential, clock, source } = wrapped();
    await credential.getToken(scope);
    await credential.getToken(scope);
    await clock.setBack(hour);
    await credential.getToken(scope);
    assert.equal(source.calls.length, 2);
  });
});

describe('the policy "azure-identity"', () => {
  it("remembers no failure", async () => {
    const { credential, source } = wrapped([{ error: new Error("1") }, { error: new Error("2") }], {
      policy: "azure-identity",
    });
    await errorOf(credential.getToken(scope));
    await errorOf(credential.getToken(scope));
    assert.equal(source.calls.length, 2);
  });

  it("waits in front with less than ten minutes left", async () => {
    const { credential, clock } = wrapped([{ refreshInMs: 1_000 }, { delayMs: 500 }], {
      policy: "azure-identity",
    });
    await credential.getToken(scope);
    await clock.advance(hour - 9 * minute);
    const waiting = credential.getToken(scope);
    assert.equal(await stateOf(waiting, clock), "pending");
    await clock.advance(500);
    assert.equal(await stateOf(waiting, clock), "token-2");
  });
});

describe("explain", () => {
  it("of what nobody asked for makes no entry, and lets nothing go", async () => {
    const clock = new ManualClock();
    const cache = new TokenCache({ clock, maxEntries: 1 });
    const source = new ScriptedCredential(clock);
    const credential = cache.wrap(source, { identity: "fixed" });
    for (const options of [undefined, { tenantId: "t" }, { claims: "{}" }, { enableCae: true }])
      assert.equal(credential.explain(["b", "a"], options).zone, "expired");
    assert.equal(cache.stats().entries, 0);
    await credential.getToken(["a", "b"]);
    assert.equal(credential.explain(["b", "a", "b"]).zone, "fresh");
    assert.equal(credential.explain(["a", "b"], { tenantId: "t" }).zone, "expired");
    assert.equal(cache.stats().entries, 1);
    await credential.getToken(["b", "a"]);
    assert.equal(source.calls.length, 1);
  });

  it("is of the challenge that was asked for", async () => {
    const { credential } = wrapped();
    await credential.getToken(scope, { claims: "{}" });
    assert.equal(credential.explain(scope, { claims: "{}" }).zone, "fresh");
    assert.equal(credential.explain(scope, { claims: "{1}" }).zone, "expired");
    assert.equal(credential.explain(scope).zone, "fresh");
  });

  it("says the line of the table, and changes nothing", async () => {
    const { credential, clock, source } = wrapped();
    assert.equal(credential.explain(scope).zone, "expired");
    await credential.getToken(scope);
    const fresh = credential.explain(scope);
    assert.deepEqual([fresh.zone, fresh.expiresInMs, fresh.due], ["fresh", hour, undefined]);
    await clock.advance(hour - 4 * minute);
    const due = credential.explain([scope]);
    assert.deepEqual([due.zone, due.due], ["refresh-behind", "before-expiry"]);
    assert.match(due.says, /expires soon/);
    assert.equal(due.fetchInFlight, false);
    assert.equal(source.calls.length, 1);
    source.add({ delayMs: 10 });
    await credential.getToken(scope);
    assert.equal(credential.explain(scope).fetchInFlight, true);
    await clock.advance(10);
    assert.deepEqual(
      [credential.explain(scope).zone, credential.explain(scope).fetchInFlight],
      ["fresh", false],
    );
  });
});
