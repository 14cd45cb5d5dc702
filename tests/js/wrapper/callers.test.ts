// Many callers of one fetch: who shares it, who may leave it, and what each of them gets.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TokenCache } from "azure-token-cache";
import { errorOf, hour, scope, stateOf, textOf, wrapped } from "./wrapped.ts";

describe("concurrent callers", () => {
  it("share one fetch", async () => {
    const { credential, clock, source } = wrapped([{ delayMs: 100 }]);
    const all = Array.from({ length: 1_000 }, (_, n) => credential.getToken(n % 2 === 0 ? scope : [scope]));
    await clock.advance(100);
    assert.deepEqual(new Set(await Promise.all(all.map(textOf))), new Set(["token-1"]));
    assert.equal(source.calls.length, 1);
  });

  it("get the very error that the credential threw", async () => {
    const error = Object.freeze(Object.assign(new RangeError("no"), { hint: {} }));
    const { credential, clock } = wrapped([{ error, delayMs: 10 }]);
    const all = [1, 2, 3].map(() => errorOf(credential.getToken(scope)));
    await clock.advance(10);
    for (const seen of await Promise.all(all)) assert.equal(seen, error);
  });

  it("get whatever was thrown, even undefined", async () => {
    const { credential } = wrapped([{ error: undefined }]);
    assert.equal(await errorOf(credential.getToken(scope)), undefined);
    assert.equal(await errorOf(credential.getToken(scope)), undefined);
  });

  it("get null when there is no token, and the next caller asks again", async () => {
    const { credential, source } = wrapped([null]);
    assert.equal(await credential.getToken(scope), null);
    assert.equal(await textOf(credential.getToken(scope)), "token-1");
    assert.equal(source.calls.length, 2);
  });
});

describe("a caller's signal", () => {
  it("rejects that caller alone", async () => {
    const { credential, clock } = wrapped([{ delayMs: 100 }]);
    const controller = new AbortController();
    const leaver = errorOf(credential.getToken(scope, { abortSignal: controller.signal }));
    const stayer = credential.getToken(scope);
    controller.abort();
    assert.equal(((await leaver) as Error).name, "AbortError");
    await clock.advance(100);
    assert.equal(await textOf(stayer), "token-1");
  });

  it("that was aborted before rejects on a hit as well", async () => {
    const { credential, source } = wrapped();
    for (let call = 0; call < 3; call += 1) await credential.getToken(scope);
    const abortSignal = AbortSignal.abort();
    assert.equal(((await errorOf(credential.getToken(scope, { abortSignal }))) as Error).name, "AbortError");
    assert.equal(
      ((await errorOf(credential.getToken("other", { abortSignal }))) as Error).name,
      "AbortError",
    );
    assert.equal(source.calls.length, 1);
  });

  it("is not the fetch's, and the last waiter's abort ends the fetch", async () => {
    const { credential, clock, source } = wrapped(["never"]);
    const [first, second] = [new AbortController(), new AbortController()];
    const leaving = [first, second].map(({ signal }) =>
      errorOf(credential.getToken(scope, { abortSignal: signal })),
    );
    const given = source.calls[0]?.options.abortSignal;
    assert.ok(given && given !== first.signal && given !== second.signal);
    first.abort();
    assert.equal(given.aborted, false);
    second.abort();
    assert.equal(given.aborted, true);
    await Promise.all(leaving);
    assert.equal(await textOf(credential.getToken(scope)), "token-1", "an abort is not an attempt");
    await clock.settle();
  });

  it("leaves no listener behind", async () => {
    const { credential, clock } = wrapped([{ delayMs: 10 }]);
    const listeners = new Set<unknown>();
    const abortSignal = {
      aborted: false,
      addEventListener: (_: string, listener: unknown) => void listeners.add(listener),
      removeEventListener: (_: string, listener: unknown) => void listeners.delete(listener),
    };
    const answer = credential.getToken(scope, { abortSignal });
    assert.equal(listeners.size, 1);
    await clock.advance(10);
    await answer;
    assert.equal(listeners.size, 0);
  });

  it("that was used leaves no listener behind either", async () => {
    const { credential } = wrapped(["never"]);
    const listeners = new Set<() => void>();
    const abortSignal = {
      aborted: false,
      addEventListener: (_: string, listener: () => void) => void listeners.add(listener),
      removeEventListener: (_: string, listener: () => void) => void listeners.delete(listener),
    };
    const leaver = errorOf(credential.getToken(scope, { abortSignal }));
    for (const listener of [...listeners]) listener();
    assert.equal(((await leaver) as Error).name, "AbortError");
    assert.equal(listeners.size, 0);
  });

  it("does not end a fetch that began behind", async () => {
    const { credential, clock, source } = wrapped([{}, { delayMs: 1_000 }]);
    await credential.getToken(scope);
    await clock.advance(hour - 60_001);
    assert.equal(await textOf(credential.getToken(scope)), "token-1");
    await clock.advance(100);
    const controller = new AbortController();
    const leaver = errorOf(credential.getToken(scope, { abortSignal: controller.signal }));
    controller.abort();
    await leaver;
    assert.equal(source.calls[1]?.options.abortSignal?.aborted, false);
    await clock.advance(900);
    assert.equal(await textOf(credential.getToken(scope)), "token-2");
  });
});

describe("the call of the credential", () => {
  it("has the parts of the request, and the tracing of the caller in front alone", async () => {
    const { credential, clock, source } = wrapped();
    const tracingOptions = { tracingContext: { span: 1 } };
    const request = { tenantId: "t", enableCae: true, tracingOptions, requestOptions: { timeout: 7 } };
    await credential.getToken(scope, request);
    await clock.advance(hour - 100_000);
    await credential.getToken(scope, request);
    const [front, behind] = source.calls.map(({ options: { abortSignal: _, ...rest } }) => rest);
    assert.deepEqual(front, { tenantId: "t", enableCae: true, tracingOptions });
    const mark = Symbol.for("azure-token-cache.behind");
    assert.deepEqual(behind, { tenantId: "t", enableCae: true, [mark]: true });
  });

  it("has no tracing of a caller who joined another fetch", async () => {
    const { credential, clock, source } = wrapped([{ delayMs: 10 }]);
    const tracingOptions = { tracingContext: { span: 2 } };
    const both = [credential.getToken(scope), credential.getToken([scope], { tracingOptions })];
    await clock.advance(10);
    await Promise.all(both);
    await clock.advance(hour - 100_000);
    await credential.getToken(scope);
    assert.deepEqual(
      source.calls.map(({ options }) => options.tracingOptions),
      [undefined, undefined],
    );
  });

  it("has the scopes as the caller gave them, in a list of its own", async () => {
    const { credential, source } = wrapped();
    const scopes = ["a", "b"];
    await credential.getToken(scopes);
    scopes.push("c");
    await credential.getToken("a");
    assert.deepEqual(
      source.calls.map((call) => call.scopes),
      [["a", "b"], "a"],
    );
  });

  it("may change the list that it is given", async () => {
    const { credential, source } = wrapped();
    const direct = source.getToken.bind(source);
    source.getToken = (scopes, options) => {
      const answer = direct([...scopes], options);
      (scopes as string[]).length = 0;
      return answer;
    };
    await credential.getToken(["a", "b"]);
    await credential.invalidate();
    await credential.getToken(["a", "b"]);
    assert.deepEqual(
      source.calls.map((call) => call.scopes),
      [
        ["a", "b"],
        ["a", "b"],
      ],
    );
  });

  it("is made within the caller's own call", () => {
    const { credential, source } = wrapped();
    void credential.getToken(scope);
    assert.equal(source.calls.length, 1);
  });

  it("may ask the cache again", async () => {
    const { credential, source } = wrapped();
    const direct = source.getToken.bind(source);
    source.getToken = async (scopes, options) => {
      if (scopes === "outer") await credential.getToken("inner");
      return direct(scopes, options);
    };
    assert.equal(await textOf(credential.getToken("outer")), "token-2");
    assert.equal(await textOf(credential.getToken("inner")), "token-1");
  });
});

describe("a fetch that never ends", () => {
  it("is ended at its limit with a typed error, and its late result is dropped", async () => {
    const { credential, clock, source } = wrapped([{ delayMs: 70_000 }, {}], {
      policy: { fetchLimitMs: 60_000 },
    });
    source.getToken = (
      (inner) => (scopes: string | string[]) =>
        inner(scopes, {})
    )(source.getToken.bind(source));
    const waiting = errorOf(credential.getToken(scope));
    await clock.advance(60_000);
    const error = (await waiting) as Error & { code: string; limitMs: number };
    assert.deepEqual([error.name, error.code, error.limitMs], ["FetchTimeoutError", "FETCH_TIMEOUT", 60_000]);
    await clock.advance(1_000);
    assert.equal(await textOf(credential.getToken(scope)), "token-1");
    await clock.advance(60_000);
    assert.equal(await textOf(credential.getToken(scope)), "token-1", "token-2 came too late");
  });
});

describe("a fetch that is given up", () => {
  it("is let go of, though its credential never answers", async () => {
    const { source, clock, events } = wrapped();
    const cache = new TokenCache({ clock, onEvent: (event) => events.push(event) });
    source.getToken = () => new Promise(() => {});
    const credential = cache.wrap(source, { identity: "fixed" });
    const waiting = errorOf(credential.getToken(scope));
    assert.equal(cache.stats().fetchesInFlight, 1);
    await clock.advance(60_000);
    assert.equal(((await waiting) as Error).name, "FetchTimeoutError");
    assert.equal(cache.stats().fetchesInFlight, 0);
    assert.deepEqual(
      events.map((event) => ("outcome" in event ? event.outcome : event.type)),
      ["fetch-start", "fetch-limit", "failed"],
    );
    assert.equal(cache.stats().failures, 1);
  });
});

describe("invalidation", () => {
  it("forgets, by credential, by scopes and by request", async () => {
    const { credential, source } = wrapped();
    const ask = () =>
      Promise.all([
        textOf(credential.getToken("a")),
        textOf(credential.getToken("a", { tenantId: "t" })),
        textOf(credential.getToken("b")),
      ]);
    const first = await ask();
    await credential.invalidate("a", { tenantId: "t" });
    const second = await ask();
    assert.deepEqual([second[0], second[2]], [first[0], first[2]]);
    assert.notEqual(second[1], first[1]);
    await credential.invalidate(["a"]);
    const third = await ask();
    assert.equal(third[2], first[2]);
    assert.ok(third[0] !== second[0] && third[1] !== second[1]);
    await credential.invalidate();
    const fourth = await ask();
    for (const [index, token] of fourth.entries()) assert.notEqual(token, third[index]);
    assert.equal(source.calls.length, 3 + 1 + 2 + 3);
  });

  it("makes a result that is under way worthless", async () => {
    const { credential, clock } = wrapped([{ delayMs: 100 }, { delayMs: 100 }]);
    const waiting = credential.getToken(scope);
    await clock.advance(50);
    await credential.invalidate();
    await clock.advance(50);
    assert.equal(await stateOf(waiting, clock), "pending");
    await clock.advance(50);
    assert.equal(await stateOf(waiting, clock), "token-1", "the second run's: the first was aborted");
  });
});

describe("close", () => {
  it("rejects those who wait and those who come, and aborts the fetch", async () => {
    const { credential, source } = wrapped([{}, "never"]);
    await credential.getToken("held");
    const waiting = errorOf(credential.getToken(scope));
    await credential.close();
    assert.equal(((await waiting) as Error).name, "ClosedError");
    for (const call of [
      () => credential.getToken("held"),
      () => credential.getToken(scope),
      () => credential.invalidate(),
    ])
      assert.equal(((await errorOf(call())) as Error).name, "ClosedError");
    assert.equal(source.calls[1]?.options.abortSignal?.aborted, true);
    await credential.close();
  });

  it("is what `await using` does", async () => {
    const { credential } = wrapped();
    await credential[Symbol.asyncDispose]();
    assert.equal(((await errorOf(credential.getToken(scope))) as Error).name, "ClosedError");
  });

  it("of the cache keeps no timer", async () => {
    const { credential, clock } = wrapped(["never"]);
    const timers = new Set<unknown>();
    const { setTimer, clearTimer } = clock;
    clock.setTimer = (run, milliseconds) => {
      const timer = setTimer.call(clock, run, milliseconds);
      timers.add(timer);
      return timer;
    };
    clock.clearTimer = (timer) => {
      timers.delete(timer);
      clearTimer.call(clock, timer);
    };
    const waiting = errorOf(credential.getToken(scope));
    assert.equal(timers.size, 1);
    await credential.close();
    await waiting;
    assert.equal(timers.size, 0);
  });
});
