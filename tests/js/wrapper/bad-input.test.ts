// Bad input: each gets a typed error that says what to do, or the documented pass-through, and nothing else is lost.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { inspect } from "node:util";
import { runInNewContext } from "node:vm";
import { type CachedCredential, TokenCache, withTokenCache } from "azure-token-cache";
import { cliIdentity } from "azure-token-cache/node";
import { ManualClock, MemoryTokenStore } from "azure-token-cache/testing";
import { fakeToken } from "../../leaks/search.mjs";
import { errorOf, hour, minute, scope, textOf, wrapped } from "./wrapped.ts";

type Typed = Error & { code: string };

const untyped = withTokenCache as (credential: unknown, options?: unknown) => CachedCredential;

describe("what cannot be wrapped", () => {
  for (const thing of [undefined, null, 1, "credential", {}, { getToken: 1 }, () => {}])
    it(`is refused: ${inspect(thing)}`, () => {
      assert.throws(() => untyped(thing), {
        name: "NotACredentialError",
        code: "NOT_A_CREDENTIAL",
        message: /getToken/,
      });
      assert.throws(() => new TokenCache().wrap(thing as never), { name: "NotACredentialError" });
    });

  it("includes a wrapper with options; without them it is returned as it is", () => {
    const { credential } = wrapped();
    assert.equal(withTokenCache(credential), credential);
    assert.equal(withTokenCache(credential, {}), credential);
    assert.equal(withTokenCache(credential, { identity: undefined } as never), credential);
    assert.equal(new TokenCache().wrap(credential), credential);
    const refusal = { name: "AlreadyWrappedError", message: /wrapped first/ };
    assert.throws(() => withTokenCache(credential, { maxEntries: 1 }), refusal);
    assert.throws(() => new TokenCache().wrap(credential, { identity: "fixed" }), refusal);
  });

  it("recognises the wrapper of another copy of this package", () => {
    const other = { getToken: async () => null, [Symbol.for("azure-token-cache.cached-credential")]: true };
    assert.equal(untyped(other), other);
  });
});

describe("a call", () => {
  const { AZURE_CONFIG_DIR } = process.env;
  const folder = mkdtempSync(join(tmpdir(), "bad-input-"));
  before(() => {
    process.env["AZURE_CONFIG_DIR"] = folder;
  });
  after(() => {
    rmSync(folder, { recursive: true });
    if (AZURE_CONFIG_DIR === undefined) delete process.env["AZURE_CONFIG_DIR"];
    else process.env["AZURE_CONFIG_DIR"] = AZURE_CONFIG_DIR;
  });

  const source = { getToken: async () => ({ token: fakeToken("t"), expiresOnTimestamp: Date.now() + hour }) };
  const wrappers = {
    "nobody watches": () => withTokenCache(source, { identity: "fixed" }),
    "is on a clock of its own": () => withTokenCache(source, { identity: "fixed", clock: new ManualClock() }),
    "is watched now and then": () => withTokenCache(source),
    "is watched at every call": () => withTokenCache(source, { identity: cliIdentity() }),
  };
  for (const [what, make] of Object.entries(wrappers)) {
    it(`without its credential rejects, where the credential ${what}`, async () => {
      const { getToken } = make();
      const error = (await errorOf(getToken(scope))) as Typed;
      assert.deepEqual([error.name, error.code], ["UnboundCallError", "UNBOUND_CALL"]);
    });

    it(`whose options cannot be read rejects with what reading threw, where the credential ${what}`, async () => {
      const credential = make();
      const thrown = new Error("no");
      for (const name of [
        "tenantId",
        "enableCae",
        "claims",
        "abortSignal",
        "proofOfPossessionOptions",
        "tracingOptions",
      ])
        for (const asked of [scope, [scope, name]]) {
          const options = Object.defineProperty({}, name, {
            get() {
              throw thrown;
            },
          });
          const outcome = await credential.getToken(asked, options).then(
            () => "resolved",
            (error: unknown) => error,
          );
          // Of a token that is held, nobody is traced.
          if (outcome !== thrown) assert.deepEqual([outcome, name], ["resolved", "tracingOptions"]);
        }
      const list = new Proxy([scope], {
        get() {
          throw thrown;
        },
      });
      assert.equal(await errorOf(credential.getToken(list)), thrown);
      await credential.close();
    });
  }

  it("whose options cannot be read holds nobody else up", async () => {
    const { credential, source } = wrapped();
    const thrown = new Error("no");
    const traced = {
      get tracingOptions(): never {
        throw thrown;
      },
    };
    const deaf = {
      aborted: false,
      addEventListener() {
        throw thrown;
      },
      removeEventListener() {},
    };
    assert.equal(await errorOf(credential.getToken(scope, traced)), thrown);
    assert.equal(await errorOf(credential.getToken(scope, { abortSignal: deaf })), thrown);
    const calls = source.calls.length;
    assert.equal(await textOf(credential.getToken(scope)), `token-${calls + 1}`);
    assert.equal(credential.stats().waits, calls + 1);
  });
});

describe("an option", () => {
  const cases: [string, unknown, RegExp][] = [
    [
      "that is unknown",
      { polcy: {} },
      /"polcy" is unknown: this takes policy, clock, maxEntries, onEvent, store, identity, partition/,
    ],
    ["store that is none", { store: {} }, /"store" must be persistentStore\(\)/],
    ["bag that is none", 1, /must be an object/],
    ["policy that is unknown", { policy: "azure" }, /"azure-identity" or an object/],
    [
      "of a policy that is unknown",
      { policy: { refreshBeforeExpiry: 1 } },
      /policy.refreshBeforeExpiry.*refreshBeforeExpiryMs/,
    ],
    [
      "of a policy that is negative",
      { policy: { minValidityMs: -1 } },
      /policy.minValidityMs.*must be a number/,
    ],
    ["of a policy that is no number", { policy: { minValidityMs: Number.NaN } }, /must be a number/],
    ["of a policy that is too large", { policy: { minValidityMs: 2 ** 32 } }, /to 4294967295/],
    ["of a policy that is no truth", { policy: { halfLife: 1 } }, /true or false/],
    ["maxEntries of 0", { maxEntries: 0 }, /at least 1/],
    ["maxEntries of 1.5", { maxEntries: 1.5 }, /whole number/],
    ["onEvent that is no function", { onEvent: {} }, /function/],
    ["clock that is none", { clock: {} }, /unixMillis/],
    [
      "clock that does not tell the time",
      { clock: { unixMillis: () => Number.NaN, monotonicMillis: () => 0 } },
      /milliseconds/,
    ],
    [
      "clock with half of its timers",
      { clock: { unixMillis: () => 0, monotonicMillis: () => 0, setTimer() {} } },
      /both/,
    ],
    ["identity that is a word", { identity: "fix" }, /"fixed", or cliIdentity\(\)/],
  ];
  for (const [what, options, message] of cases)
    it(`${what} is refused`, () => {
      assert.throws(() => untyped({ getToken: async () => null }, options), {
        name: "OptionError",
        code: "INVALID_OPTION",
        message,
      });
    });

  it("that is undefined is not set", async () => {
    const { source } = wrapped();
    const options = {
      policy: undefined,
      clock: undefined,
      maxEntries: undefined,
      onEvent: undefined,
      identity: undefined,
    };
    await untyped(source, options).close();
  });
});

describe("scopes", () => {
  for (const scopes of [undefined, null, "", [], [""], ["a", ""], [1], {}, 5, ["a", undefined]])
    it(`${inspect(scopes)} are refused, and nothing is fetched`, async () => {
      const { credential, source } = wrapped();
      const error = (await errorOf(credential.getToken(scopes as never))) as Typed;
      assert.deepEqual([error.name, error.code], ["ScopesError", "INVALID_SCOPES"]);
      assert.equal(source.calls.length, 0);
    });
});

describe("an expiry", () => {
  const now = Date.UTC(2026, 0, 1);
  const cases: [string, unknown, string][] = [
    ["NaN", Number.NaN, "missing"],
    ["missing", undefined, "missing"],
    ["0", 0, "missing"],
    ["negative", -1, "missing"],
    ["endless", Number.POSITIVE_INFINITY, "missing"],
    ["a string", String(now + minute), "missing"],
    ["in seconds", (now + minute) / 1000, "in-seconds"],
    ["past", now - 1, "past"],
    ["now", now, "past"],
  ];
  for (const [what, expiresOnTimestamp, problem] of cases)
    it(`that is ${what} is a failure, and costs no other token`, async () => {
      const { credential } = wrapped([
        { token: "good" },
        { expiresOnTimestamp: expiresOnTimestamp as number },
      ]);
      await credential.getToken("other");
      const error = (await errorOf(credential.getToken(scope))) as Typed & { problem: string };
      assert.deepEqual([error.name, error.problem], ["TokenExpiryError", problem]);
      assert.equal(await textOf(credential.getToken("other")), "good");
    });

  it("of a refresh that is bad leaves the held token", async () => {
    const { credential, clock } = wrapped([{ livesMs: 30 * minute }, { expiresOnTimestamp: 0 }]);
    await credential.getToken(scope);
    await clock.advance(26 * minute);
    await credential.getToken(scope);
    await clock.settle();
    assert.equal(await textOf(credential.getToken(scope)), "token-1");
  });
});

describe("a credential's getToken", () => {
  it("that throws at once rejects", async () => {
    const error = new Error("sync");
    const { credential } = wrapped([{ throws: error }]);
    assert.equal(await errorOf(credential.getToken(scope)), error);
  });

  it("that returns no promise is awaited all the same", async () => {
    const { credential, source, clock } = wrapped();
    source.getToken = (() => ({
      token: fakeToken("t"),
      expiresOnTimestamp: clock.unixMillis() + minute,
    })) as never;
    assert.equal(await textOf(credential.getToken(scope)), fakeToken("t"));
  });

  const inMemory = () => ({});
  const byAStore = () => ({ store: new MemoryTokenStore(), partition: "p" });

  for (const result of [
    {},
    { token: 1, expiresOnTimestamp: 2e12 },
    { token: "", expiresOnTimestamp: 2e12 },
    "token",
    7,
    [],
  ])
    it(`that brings ${inspect(result)} is told what to bring`, async () => {
      for (const options of [inMemory(), byAStore()]) {
        const { credential, source } = wrapped([], options);
        source.getToken = (async () => result) as never;
        assert.equal(((await errorOf(credential.getToken(scope))) as Typed).name, "NotATokenError");
      }
    });

  it("that brings undefined brings no token", async () => {
    for (const options of [inMemory(), byAStore()]) {
      const { credential, source } = wrapped([], options);
      source.getToken = (async () => undefined) as never;
      assert.equal(await credential.getToken(scope), null);
    }
  });

  it("whose token cannot be read rejects with what reading threw", async () => {
    const error = new Error("unreadable");
    const { credential, source, clock } = wrapped();
    source.getToken = async () => ({
      token: fakeToken("t"),
      expiresOnTimestamp: clock.unixMillis() + minute,
      get extra() {
        throw error;
      },
    });
    assert.equal(await errorOf(credential.getToken(scope)), error);
  });

  it("whose error cannot be read is passed on", async () => {
    const hostile = new Proxy(new Error("no"), {
      get(target, name) {
        if (name === "code" || name === "response" || name === "name") throw new Error("unreadable");
        return Reflect.get(target, name);
      },
    });
    const { credential } = wrapped([{ error: hostile }]);
    assert.equal(await errorOf(credential.getToken(scope)), hostile);
  });

  it("whose errors cause each other in a circle is passed on", async () => {
    const error = new Error("no") as Error & { cause: unknown; errors: unknown[] };
    error.cause = error;
    error.errors = [error, error];
    const { credential } = wrapped([{ error }]);
    assert.equal(await errorOf(credential.getToken(scope)), error);
  });
});

describe("Retry-After", () => {
  const shapes: [string, (seconds: number, now: number) => object][] = [
    ["a Headers", (seconds) => ({ response: { headers: new Headers({ "Retry-After": String(seconds) }) } })],
    ["a plain object", (seconds) => ({ response: { headers: { "retry-after": String(seconds) } } })],
    ["milliseconds", (seconds) => ({ response: { headers: { "retry-after-ms": String(seconds * 1000) } } })],
    [
      "a date",
      (s, now) => ({ response: { headers: { "retry-after": new Date(now + s * 1000).toUTCString() } } }),
    ],
    ["a property of a cause", (seconds) => ({ cause: { retryAfter: seconds } })],
    [
      "the error within",
      (seconds) => ({ innerError: { response: { headers: new Headers({ "retry-after": `${seconds}` }) } } }),
    ],
  ];
  for (const [what, shape] of shapes)
    it(`in ${what} is waited for`, async () => {
      const { credential, clock, source } = wrapped();
      source.add({ error: Object.assign(new Error("429"), shape(40, clock.unixMillis())) });
      await errorOf(credential.getToken(scope));
      await clock.advance(39_999);
      await errorOf(credential.getToken(scope));
      assert.equal(source.calls.length, 1);
      await clock.advance(1);
      assert.equal(await textOf(credential.getToken(scope)), "token-1");
    });
});

describe("a listener", () => {
  it("that throws, or rejects, breaks nothing", async () => {
    const thrown: unknown[] = [];
    const onUnhandled = (error: unknown) => thrown.push(error);
    process.on("unhandledRejection", onUnhandled);
    for (const onEvent of [
      () => {
        throw new Error("listener");
      },
      async () => {
        throw new Error("listener");
      },
      runInNewContext('async () => { throw new Error("of another realm"); }') as () => Promise<void>,
    ]) {
      const { credential } = wrapped([{ error: new Error("no") }], { onEvent });
      await errorOf(credential.getToken("a"));
      assert.equal(await textOf(credential.getToken("b")), "token-1");
    }
    await new Promise(setImmediate);
    process.off("unhandledRejection", onUnhandled);
    assert.deepEqual(thrown, []);
  });
});

describe("AZURE_TOKEN_CACHE=off", () => {
  afterEach(() => {
    delete process.env["AZURE_TOKEN_CACHE"];
  });

  it("returns the credential's own answers", async () => {
    process.env["AZURE_TOKEN_CACHE"] = " Off ";
    const { credential, source } = wrapped([{ token: fakeToken("t"), expiresOnTimestamp: 0 }]);
    assert.deepEqual(await credential.getToken(scope), { token: fakeToken("t"), expiresOnTimestamp: 0 });
    const options = { claims: "c" };
    await credential.getToken(scope, options);
    assert.equal(source.calls[1]?.options, options);
    assert.equal(credential.getToken.length, 2);
    assert.equal(withTokenCache(credential), credential);
    assert.equal(credential.explain(scope).zone, "expired");
    await Promise.all([credential.invalidate(), credential.close()]);
    const { getToken } = credential;
    assert.equal(((await errorOf(getToken(scope))) as Error).name, "UnboundCallError");
    withTokenCache({ getToken: async () => null }, { store: new MemoryTokenStore() });
  });
});
