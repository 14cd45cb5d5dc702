// Caches that share a store, as processes do: one fetches for all, and nothing of another identity is ever served.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type {
  CacheEvent,
  EntryKey,
  StoredEntry,
  StoredToken,
  TokenStore,
  WithTokenCacheOptions,
} from "azure-token-cache";
import {
  ClosedError,
  entryKey,
  FetchTimeoutError,
  NotSerializableError,
  OptionError,
  StoredFailureError,
  TokenCache,
  withTokenCache,
} from "azure-token-cache";
import { ManualClock, MemoryTokenStore, ScriptedCredential } from "azure-token-cache/testing";
import { fakeToken } from "../../leaks/search.mjs";
import { errorOf, hour, minute, scope, textOf } from "./wrapped.ts";

type Steps = ConstructorParameters<typeof ScriptedCredential>[1];

/** The first import of what only a cache with a store needs is real input, which no clock of a test waits for. */
async function load(): Promise<void> {
  const clock = new ManualClock();
  const options = { store: new MemoryTokenStore(), partition: "p", clock };
  await withTokenCache(new ScriptedCredential(clock), options).getToken(scope);
}

const loaded = load();

/** A clock of a program that can be too busy for its event loop. */
class BusyClock extends ManualClock {
  readonly #timers = new Map<unknown, { readonly at: number; readonly run: () => void }>();
  #busy = 0;

  override unixMillis(): number {
    return super.unixMillis() + this.#busy;
  }

  override monotonicMillis(): number {
    return super.monotonicMillis() + this.#busy;
  }

  override setTimer(run: () => void, milliseconds: number): unknown {
    const timer = super.setTimer(() => {
      this.#timers.delete(timer);
      run();
    }, milliseconds);
    this.#timers.set(timer, { at: this.monotonicMillis() + milliseconds, run });
    return timer;
  }

  override clearTimer(timer: unknown): void {
    super.clearTimer(timer);
    this.#timers.delete(timer);
  }

  /** Time passes in which nothing else happens; then comes what is due, before anything that was to be read meanwhile. */
  busy(milliseconds: number): void {
    this.#busy += milliseconds;
    for (const [timer, { run }] of [...this.#timers].filter(([, { at }]) => at <= this.monotonicMillis())) {
      this.clearTimer(timer);
      run();
    }
  }
}

/** Processes by their number, each with a credential of its own. */
async function sharing(
  store: TokenStore,
  partition = "tenant a",
  count = 2,
  steps: Steps = [{ delayMs: 500 }],
) {
  await loaded;
  const clock = new BusyClock();
  const events: CacheEvent[] = [];
  const process = () => {
    const source = new ScriptedCredential(clock, steps);
    const onEvent = (event: CacheEvent) => events.push(event);
    return { source, ...wrappedWith(source, { store, partition, clock, identity: "fixed", onEvent }) };
  };
  const [first, second] = [process(), process()];
  const processes = [first, second, ...Array.from({ length: count - 2 }, process)];
  const fetches = () => processes.reduce((sum, { source }) => sum + source.calls.length, 0);
  const ask = (...request: Parameters<typeof first.getToken>) =>
    processes.map(({ getToken }) => getToken(...request));
  return { clock, events, first, second, ask, fetches };
}

function wrappedWith(source: ScriptedCredential, options: WithTokenCacheOptions) {
  const credential = withTokenCache(source, options);
  return {
    getToken: (...request: Parameters<typeof credential.getToken>) => credential.getToken(...request),
    invalidate: (...request: Parameters<typeof credential.invalidate>) => credential.invalidate(...request),
  };
}

describe("caches that share a store", () => {
  it("fetch once for all of them, whoever asks", async () => {
    const store = new MemoryTokenStore();
    const { clock, ask, fetches } = await sharing(store, "tenant a", 5);
    const asked = Promise.all(ask(scope).map(textOf));
    await clock.advance(2_000);
    assert.deepEqual(new Set(await asked).size, 1);
    assert.equal(fetches(), 1);
    assert.equal(store.heldLocks, 0);
  });

  it("look into the store once before the lock and once under it", async () => {
    const store = new MemoryTokenStore();
    const load = store.load.bind(store);
    let loads = 0;
    store.load = (key) => {
      loads += 1;
      return load(key);
    };
    const { first, clock } = await sharing(store, "tenant a", 2, [{}]);
    await first.getToken(scope);
    await clock.advance(1);
    assert.equal(loads, 2);
  });

  it("find the token later, with all that the credential returned beside it", async () => {
    const store = new MemoryTokenStore();
    const { clock, first, second, fetches } = await sharing(store, "tenant a", 2, [{}]);
    first.source.getToken = async () =>
      Object.assign(
        {
          token: fakeToken("t"),
          expiresOnTimestamp: clock.unixMillis() + hour,
          tokenType: "Bearer" as const,
        },
        { refreshAfterTimestamp: clock.unixMillis() + 10 * minute, extra: { a: [1] } },
      );
    const fetched = await first.getToken(scope);
    await clock.advance(1);
    assert.deepEqual(await second.getToken(scope), fetched);
    assert.ok(Object.isFrozen(await second.getToken(scope)));
    assert.equal(fetches(), 0);
  });

  it("keep of a token no time and no type that is none", async () => {
    const odd = [
      { refreshAfterTimestamp: null },
      { refreshAfterTimestamp: new Date() },
      { refreshAfterTimestamp: Number.NaN },
      { refreshAfterTimestamp: Number.POSITIVE_INFINITY },
      { tokenType: 5 },
      { tokenType: null },
    ];
    for (const part of odd) {
      const store = new MemoryTokenStore();
      const { clock, events, first, second } = await sharing(store);
      const plain = { token: "t", expiresOnTimestamp: clock.unixMillis() + hour };
      first.source.getToken = async () => ({ ...plain, ...part }) as never;
      await first.getToken(scope);
      await clock.advance(1);
      const [[, kept]] = store.held as [[EntryKey, StoredToken]];
      assert.deepEqual([kept.refreshAt, kept.tokenType], [undefined, undefined]);
      assert.deepEqual(await second.getToken(scope), plain);
      assert.ok(!events.some(({ type }) => type === "store-failed"));
    }
  });

  it("refresh once for all of them, behind their callers", async () => {
    const { clock, ask, fetches } = await sharing(new MemoryTokenStore(), "tenant a", 3, [{}]);
    const asked = Promise.all(ask(scope));
    await clock.advance(2_000);
    await asked;
    assert.equal(fetches(), 1);
    await clock.advance(hour - 4 * minute);
    const old = await Promise.all(ask(scope).map(textOf));
    await clock.advance(2_000);
    const fresh = await Promise.all(ask(scope).map(textOf));
    assert.equal(fetches(), 2);
    assert.notEqual(fresh[0], old[0]);
    assert.equal(new Set(fresh).size, 1);
  });

  it("share a failure among those who wait for it, under the name that chains read", async () => {
    const failure = Object.assign(new Error("Please run 'az login'."), {
      name: "CredentialUnavailableError",
    });
    const steps = [{ delayMs: 500, error: failure }];
    const { clock, ask, fetches } = await sharing(new MemoryTokenStore(), "tenant a", 4, steps);
    const asked = ask(scope).map(errorOf);
    await clock.advance(2_000);
    const errors = (await Promise.all(asked)) as Error[];
    assert.equal(fetches(), 1);
    assert.equal(errors.filter((error) => error === failure).length, 1);
    for (const error of errors) {
      assert.equal(error.name, "CredentialUnavailableError");
      assert.equal(error.message, failure.message);
      assert.ok(error === failure || error instanceof StoredFailureError);
    }
  });

  it("share a failure of a moment ago among those who refresh behind their callers", async () => {
    const steps: Steps = [{}, { error: new Error("down") }, {}];
    const { first, second, clock, fetches, ask } = await sharing(
      new MemoryTokenStore(),
      "tenant a",
      2,
      steps,
    );
    const held = await first.getToken(scope);
    await clock.advance(1);
    assert.deepEqual(await second.getToken(scope), held);
    await clock.advance(hour - 4 * minute);
    await first.getToken(scope);
    await clock.advance(5_000);
    assert.equal(fetches(), 2);
    assert.deepEqual(await second.getToken(scope), held);
    await clock.advance(5_001);
    assert.equal(second.source.calls.length, 0, "the source is down, and nobody waits");
    await clock.advance(36_000);
    await Promise.all(ask(scope));
    await clock.advance(2_000);
    assert.equal(fetches(), 3);
    assert.notDeepEqual(await second.getToken(scope), held);
  });

  it("share the end of a fetch that takes too long", async () => {
    const store = new MemoryTokenStore();
    const { first, second, clock } = await sharing(store, "tenant a", 2, ["never"]);
    const early = errorOf(first.getToken(scope));
    await clock.advance(45_000);
    const late = errorOf(second.getToken(scope));
    await clock.advance(16_000);
    const errors = (await Promise.all([early, late])) as Error[];
    assert.ok(errors[0] instanceof FetchTimeoutError);
    assert.ok(errors[1] instanceof StoredFailureError);
    assert.deepEqual([errors[1].name, errors[1].message], [errors[0].name, errors[0].message]);
    assert.equal(second.source.calls.length, 0);
    assert.equal(store.heldLocks, 0);
  });

  it("never meet across partitions, scopes, tenants or CAE", async () => {
    const store = new MemoryTokenStore();
    const one = await sharing(store, "tenant a", 2, [{}]);
    const other = await sharing(store, "tenant b", 2, [{}]);
    const calls: [string | string[], object?][] = [
      [scope],
      [`${scope}2`],
      [[scope, `${scope}2`]],
      [scope, { tenantId: "t" }],
      [scope, { tenantId: "" }],
      [scope, { enableCae: true }],
    ];
    for (const [scopes, options] of calls) {
      await one.first.getToken(scopes, options);
      await other.first.getToken(scopes, options);
    }
    assert.equal(one.fetches(), calls.length);
    assert.equal(other.fetches(), calls.length);
  });

  it("forget in the store what one of them invalidates, and no more", async () => {
    const store = new MemoryTokenStore();
    const { first, second, fetches, clock } = await sharing(store, "tenant a", 2, [{}]);
    await first.getToken(scope);
    await first.getToken("other");
    await clock.advance(1);
    await first.invalidate(scope);
    assert.equal(store.held.length, 1);
    await second.getToken("other");
    assert.equal(fetches(), 2);
    await second.getToken(scope);
    assert.equal(fetches(), 3);
    await clock.advance(1);
    await second.invalidate();
    assert.equal(store.held.length, 0);
  });

  it("do not keep a result that comes after an invalidation", async () => {
    const store = new MemoryTokenStore();
    const { first, second, clock } = await sharing(store);
    const asked = textOf(first.getToken(scope));
    await clock.advance(100);
    await second.invalidate(scope);
    await clock.advance(1_000);
    await asked;
    assert.deepEqual(store.held, []);
    assert.equal(store.heldLocks, 0);
  });

  it("replace the stored token by the answer to a claims challenge", async () => {
    const store = new MemoryTokenStore();
    const { first, second, clock, fetches } = await sharing(store, "tenant a", 2, [{}]);
    await first.getToken(scope);
    await clock.advance(1);
    const challenged = await textOf(first.getToken(scope, { claims: "{}" }));
    await clock.advance(1);
    assert.equal(await textOf(second.getToken(scope)), challenged);
    assert.equal(fetches(), 2);
  });

  it("leave no lock behind when the last caller goes away", async () => {
    const store = new MemoryTokenStore();
    const { first, second, clock } = await sharing(store);
    const leaves = new AbortController();
    const asked = errorOf(first.getToken(scope, { abortSignal: leaves.signal }));
    await clock.advance(100);
    assert.equal(store.heldLocks, 1);
    leaves.abort();
    assert.equal(((await asked) as Error).name, "AbortError");
    await clock.advance(1);
    assert.equal(store.heldLocks, 0);
    const other = textOf(second.getToken(scope));
    await clock.advance(1_000);
    assert.ok(await other);
    assert.equal(second.source.calls.length, 1);
  });

  it("do not wait at close for a run whose result nobody gets", { timeout: 10_000 }, async () => {
    const store = new MemoryTokenStore();
    const source = new ScriptedCredential(new ManualClock(), ["never"]);
    // As az's: it cannot be told to stop.
    const kind = { [Symbol.for("azure-token-cache.kind")]: { name: "AzureCliCredential", limitMs: minute } };
    const options = { store, partition: "p", identity: "fixed" } as const;
    const credential = withTokenCache(Object.assign(source, kind), options);
    const asked = errorOf(credential.getToken(scope));
    while (source.calls.length === 0) await new Promise(setImmediate);
    await credential.close();
    assert.ok((await asked) instanceof ClosedError);
  });

  it("forget in memory what is invalidated, whatever the store says", async () => {
    const store = new MemoryTokenStore();
    const clock = new ManualClock();
    const cache = new TokenCache({ store, clock });
    const sources = [new ScriptedCredential(clock), new ScriptedCredential(clock)];
    const [first, second] = sources.map((source, at) => cache.wrap(source, { partition: `${at}` }));
    await Promise.all([first?.getToken(scope), second?.getToken(scope)]);
    store.invalidate = () => Promise.reject(new Error("no server"));
    store.load = async () => ({ generation: { store: 0, entry: 0 } });
    assert.equal(((await errorOf(cache.invalidate(scope))) as Error).message, "no server");
    await Promise.all([first?.getToken(scope), second?.getToken(scope)]);
    assert.deepEqual(
      sources.map(({ calls }) => calls.length),
      [2, 2],
    );
  });

  it("take an extra slot where the one who fetches does not move", async () => {
    const store = new MemoryTokenStore();
    const { first, second, clock } = await sharing(store);
    first.source.getToken = () => new Promise(() => {});
    void first.getToken(scope).catch(() => {});
    await clock.advance(100);
    const asked = textOf(second.getToken(scope));
    await clock.advance(29_000);
    assert.equal(second.source.calls.length, 0);
    await clock.advance(8_000);
    assert.ok(await asked);
    assert.equal(second.source.calls.length, 1);
  });
});

describe("a cache that is serialized", () => {
  const key = new Uint8Array(32).fill(7);

  it("comes back with its tokens in another process, and says when it changed", async () => {
    const clock = new ManualClock(Date.now());
    const source = new ScriptedCredential(clock);
    const cache = await TokenCache.deserialize(undefined, { key, clock });
    assert.equal(cache.hasStateChanged, false);
    const token = await cache.wrap(source, { partition: "a" }).getToken(scope);
    await clock.advance(1);
    assert.equal(cache.hasStateChanged, true);
    const bytes = await cache.serialize({ key });
    assert.equal(cache.hasStateChanged, false);
    assert.ok(!Buffer.from(bytes).toString("latin1").includes("token-1"));

    const again = await TokenCache.deserialize(bytes, { key, clock });
    assert.equal(again.hasStateChanged, false);
    // What az calls it, and every bearer token is.
    const expected = { ...token, tokenType: "Bearer" };
    assert.deepEqual(await again.wrap(source, { partition: "a" }).getToken(scope), expected);
    assert.equal(source.calls.length, 1);
    await again.wrap(new ScriptedCredential(clock), { partition: "b" }).getToken(scope);
    await clock.advance(1);
    assert.equal(again.hasStateChanged, true);
  });

  /** A cache with a token of each scope, from a credential of its own, on a clock that stands. */
  async function filled(
    scopes: readonly string[],
    { at = Date.now(), ...options }: { at?: number; maxEntries?: number } = {},
  ) {
    const clock = new ManualClock(at);
    const source = new ScriptedCredential(clock);
    const cache = await TokenCache.deserialize(undefined, { key, clock, ...options });
    const credential = cache.wrap(source, { partition: "a" });
    for (const each of scopes) await credential.getToken(each);
    await clock.advance(1);
    return { clock, source, cache, bytes: await cache.serialize({ key }) };
  }

  it("holds nothing any more once all is forgotten, also of credentials that were not wrapped since", async () => {
    for (const forget of ["clear", "invalidate"] as const) {
      const { clock, source, bytes } = await filled([scope]);
      const cache = await TokenCache.deserialize(bytes, { key, clock });
      await cache[forget]();
      assert.equal(cache.hasStateChanged, true);
      const rest = await TokenCache.deserialize(await cache.serialize({ key }), { key, clock });
      await rest.wrap(source, { partition: "a" }).getToken(scope);
      assert.equal(source.calls.length, 2, forget);
      await cache.wrap(source, { partition: "a" }).getToken(scope);
      assert.equal(source.calls.length, 3, forget);
    }
  });

  it("holds as many tokens as it may, those that came last", async () => {
    const scopes = Array.from({ length: 30 }, (_, index) => `scope ${index}`);
    const { clock, source, bytes } = await filled(scopes, { maxEntries: 10 });
    const again = await TokenCache.deserialize(bytes, { key, clock });
    const credential = again.wrap(source, { partition: "a" });
    for (const each of scopes.slice(20)) await credential.getToken(each);
    assert.equal(source.calls.length, 30);
    for (const each of scopes.slice(0, 20)) await credential.getToken(each);
    assert.equal(source.calls.length, 50);
  });

  it("takes not much more room than its tokens and their scopes", async () => {
    const { bytes } = await filled(["x".repeat(10_000)]);
    assert.ok(bytes.length < 15_000, `${bytes.length} bytes`);
  });

  it("knows what is expired by its own clock", async () => {
    for (const at of [Date.UTC(2020, 0, 1), Date.UTC(2100, 0, 1)]) {
      const { clock, source, bytes, cache } = await filled([scope], { at });
      const again = await TokenCache.deserialize(bytes, { key, clock });
      await again.wrap(source, { partition: "a" }).getToken(scope);
      assert.equal(source.calls.length, 1);
      await clock.advance(2 * hour);
      const later = await cache.serialize({ key });
      assert.ok(later.length < bytes.length, "the expired token is not in it");
    }
  });

  it("is made of bytes that serialize() gave, or anew", async () => {
    const none = await TokenCache.deserialize(null as never, { key });
    assert.equal(none.hasStateChanged, false);
    for (const bytes of ["text", new ArrayBuffer(40), {}, 7, [1, 2]])
      await assert.rejects(TokenCache.deserialize(bytes as never, { key }), {
        name: "OptionError",
        option: "bytes",
      });
  });

  it("opens with its key alone, and only where it was deserialized", async () => {
    const bytes = await (await TokenCache.deserialize(undefined, { key })).serialize({ key });
    const other = new Uint8Array(32).fill(8);
    await assert.rejects(TokenCache.deserialize(bytes, { key: other }), {
      name: "OptionError",
      option: "key",
    });
    await assert.rejects(TokenCache.deserialize(bytes.slice(1), { key }), { name: "OptionError" });
    await assert.rejects(TokenCache.deserialize(undefined, {} as never), {
      name: "OptionError",
      option: "key",
    });
    await assert.rejects(new TokenCache().serialize({ key }), NotSerializableError);
  });
});

describe("a bounded store in memory", () => {
  const login = { account: "", session: "" };
  const keyOf = (name: string) => entryKey(["bounded", name]);
  const token = (acquiredAt: number) => ({ token: "t", acquiredAt, expiresAt: acquiredAt + hour, login });

  it("lets go of what has expired, and of what was invalidated", async () => {
    const store = new MemoryTokenStore(10);
    await store.save(keyOf("old"), token(0), undefined);
    await store.save(keyOf("gone"), token(hour), undefined);
    await store.invalidate(keyOf("gone"));
    await store.save(keyOf("new"), token(hour), undefined);
    assert.deepEqual(
      store.held.map(([key]) => key),
      [keyOf("new")],
    );
    assert.equal((await store.load(keyOf("gone"))).generation.entry, 0);
  });

  it("keeps the generation of what is being fetched, and a failure for those who wait for it", async () => {
    const store = new MemoryTokenStore(10);
    const lock = await store.tryLock(keyOf("fetched"), 1);
    const begun = (await store.load(keyOf("fetched"))).generation;
    await store.invalidate(keyOf("fetched"));
    const failure = { failedAt: hour, name: "Error", message: "no", network: false, login };
    await store.saveFailure(keyOf("failed"), failure);
    await store.save(keyOf("new"), token(hour), undefined);
    assert.equal(await store.save(keyOf("fetched"), token(hour), begun), false);
    await lock?.release();
    assert.deepEqual((await store.load(keyOf("failed"))).failure, failure);
    await store.save(keyOf("new"), token(2 * hour), undefined);
    assert.equal((await store.load(keyOf("failed"))).failure, undefined);
    assert.equal((await store.load(keyOf("fetched"))).generation.entry, 0);
  });
});

describe("a store that fails", () => {
  it("costs a fetch and never an answer", async () => {
    for (const broken of ["load", "tryLock", "save"] as const) {
      const store = new MemoryTokenStore();
      Object.assign(store, { [broken]: () => Promise.reject(new RangeError("the disk is full")) });
      const { ask, clock, events, fetches } = await sharing(store);
      const asked = ask(scope).map(textOf);
      await clock.advance(3_000);
      for (const text of await Promise.all(asked)) assert.ok(text, broken);
      assert.equal(fetches(), 2, broken);
      const failures = events.filter((event) => event.type === "store-failed");
      assert.ok(failures.length > 0 && failures.every((event) => event.errorName === "RangeError"), broken);
      assert.equal(store.heldLocks, 0, broken);
    }
  });

  it("that says of a lock with null that it is taken is waited for", async () => {
    const store = new MemoryTokenStore();
    const tryLock = store.tryLock.bind(store);
    store.tryLock = async (key, lane) => (await tryLock(key, lane)) ?? (null as never);
    const { ask, clock, fetches } = await sharing(store);
    const asked = Promise.all(ask(scope));
    await clock.advance(2_000);
    await asked;
    assert.equal(fetches(), 1);
  });

  it("at the first look gives nobody a failure of before", async () => {
    const store = new MemoryTokenStore();
    const { first, second, clock } = await sharing(store, "tenant a", 2, [
      { error: new Error("old trouble") },
    ]);
    await errorOf(first.getToken(scope));
    await clock.advance(3_000);
    const load = store.load.bind(store);
    store.load = () => {
      store.load = load;
      return Promise.reject(new RangeError("the connection was lost"));
    };
    second.source.getToken = async () => ({ token: "fresh", expiresOnTimestamp: clock.unixMillis() + hour });
    assert.equal(await textOf(second.getToken(scope)), "fresh");
  });

  it("that throws instead of rejecting costs no more", async () => {
    const store = new MemoryTokenStore();
    const thrower = () => {
      throw new RangeError("not even a promise");
    };
    Object.assign(store, { load: thrower, tryLock: thrower });
    const { first, clock } = await sharing(store);
    const asked = textOf(first.getToken(scope));
    await clock.advance(3_000);
    assert.ok(await asked);
  });

  it("that gives something else than an entry is as one that has none", async () => {
    const login = { account: "", session: "" };
    const token = { token: fakeToken("t"), expiresAt: 4e12, acquiredAt: 0, login };
    const generation = { store: 0, entry: 0 };
    const entries: unknown[] = [
      undefined,
      null,
      "entry",
      {},
      { generation: { store: -1, entry: 0 } },
      { generation, token: { ...token, login: undefined } },
      { generation, token: { ...token, token: 7 } },
      { generation, token: { ...token, expiresAt: "soon" } },
      { generation, token: { ...token, expiresAt: Number.NaN } },
      { generation, token: null },
      { generation, failure: { failedAt: 0, name: "E", message: "m" } },
    ];
    for (const entry of entries) {
      const store = new MemoryTokenStore();
      Object.assign(store, { load: async () => entry });
      const { first, clock, events } = await sharing(store);
      const asked = textOf(first.getToken(scope));
      await clock.advance(3_000);
      assert.equal(await asked, "token-1", JSON.stringify(entry));
      const failed = events.filter((event) => event.type === "store-failed");
      assert.ok(failed.some(({ operation, errorName }) => operation === "load" && errorName === "TypeError"));
    }
  });

  it("that does not answer is left alone after 5 s, and a lock that comes too late is let go", async () => {
    const never = new MemoryTokenStore();
    never.load = () => new Promise(() => {});
    let locks = 0;
    never.tryLock = async () => {
      locks += 1;
      return undefined;
    };
    const silent = await sharing(never);
    const asked = textOf(silent.first.getToken(scope));
    await silent.clock.advance(4_900);
    assert.equal(silent.fetches(), 0);
    await silent.clock.advance(20_000);
    assert.ok(await asked);
    assert.equal(locks, 0);
    assert.ok(
      silent.events.some((event) => event.type === "store-failed" && event.errorCode === "STORE_TIMEOUT"),
    );

    const slow = new MemoryTokenStore();
    const { clock, first } = await sharing(slow);
    const tryLock = slow.tryLock.bind(slow);
    slow.tryLock = (key, lane) =>
      new Promise((resolve) => clock.setTimer(() => resolve(tryLock(key, lane)), 6_000));
    const late = textOf(first.getToken(scope));
    await clock.advance(10_000);
    assert.ok(await late);
    assert.equal(slow.heldLocks, 0);
  });

  it("gets back the lock of a fetch that ends while it is left alone", async () => {
    const store = new MemoryTokenStore();
    const { first, clock } = await sharing(store, "tenant a", 2, [{ delayMs: 10_000 }]);
    const asked = textOf(first.getToken(scope));
    await clock.advance(1_000);
    store.load = () => new Promise(() => {});
    const other = textOf(first.getToken("other"));
    await clock.advance(8_000);
    assert.equal(store.heldLocks, 1);
    await clock.advance(10_000);
    assert.ok((await asked) && (await other));
    assert.equal(store.heldLocks, 0);
  });

  it("is not blamed for the time that the program was busy", async () => {
    const store = new MemoryTokenStore();
    const { first, second, clock } = await sharing(store, "tenant a", 2, [{}]);
    const held = textOf(first.getToken(scope));
    await clock.advance(1);
    const load = store.load.bind(store);
    let answer: (entry: StoredEntry) => void = () => {};
    store.load = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    const asked = textOf(second.getToken(scope));
    await clock.settle();
    clock.busy(20_000);
    const [[key]] = store.held as [[EntryKey, StoredToken]];
    answer(await load(key));
    await clock.advance(1);
    assert.equal(await asked, await held);
    assert.equal(second.source.calls.length, 0);
  });

  it("at an invalidation gives nobody what was to be forgotten, and is asked for that again", async () => {
    for (const failing of ["rejects", "throws"]) {
      const store = new MemoryTokenStore();
      const { first, second, clock } = await sharing(store, "tenant a", 2, [{}]);
      await first.getToken(scope);
      await first.getToken("other");
      await clock.advance(1);
      const invalidate = store.invalidate.bind(store);
      store.invalidate = () => {
        const error = new RangeError("no server");
        if (failing === "throws") throw error;
        return Promise.reject(error);
      };
      assert.ok((await errorOf(first.invalidate(scope))) instanceof RangeError);
      assert.equal(await textOf(first.getToken(scope)), "token-3", failing);
      await clock.advance(1);
      assert.equal(await textOf(first.getToken("other")), "token-2");
      store.invalidate = invalidate;
      await first.getToken("third");
      await clock.advance(1);
      await second.getToken("other");
      assert.equal(second.source.calls.length, 0, "what is not invalidated stays");
      await second.getToken(scope);
      assert.equal(second.source.calls.length, 1, failing);
    }
  });

  it("at an invalidation still gives what was fetched later", async () => {
    const store = new MemoryTokenStore();
    const { first, second, clock } = await sharing(store, "tenant a", 2, [{}]);
    await first.getToken(scope);
    await clock.advance(1);
    store.invalidate = () => Promise.reject(new RangeError("no server"));
    await errorOf(first.invalidate(scope));
    await clock.advance(1);
    const later = await textOf(second.getToken(scope, { claims: "{}" }));
    await clock.advance(1);
    assert.equal(await textOf(first.getToken(scope)), later);
    assert.equal(first.source.calls.length, 1);
  });

  it("at one of the keys that are invalidated has forgotten the others", async () => {
    const store = new MemoryTokenStore();
    const { first, clock } = await sharing(store, "tenant a", 2, [{}]);
    await first.getToken(scope);
    await clock.advance(1);
    const invalidate = store.invalidate.bind(store);
    store.invalidate = () => {
      store.invalidate = invalidate;
      throw new RangeError("not even a promise");
    };
    assert.ok((await errorOf(first.invalidate(scope))) instanceof RangeError);
    assert.deepEqual(store.held, []);
  });

  it("and never answers an invalidation does not hold up what comes after it", async () => {
    const store = new MemoryTokenStore();
    const { first, second, clock } = await sharing(store, "tenant a", 2, [{}]);
    await first.getToken(scope);
    await clock.advance(1);
    const invalidate = store.invalidate.bind(store);
    store.invalidate = () => new Promise(() => {});
    const unheard = errorOf(first.invalidate(scope));
    await clock.settle();
    store.invalidate = invalidate;
    const heard = first.invalidate("other");
    await clock.settle();
    await heard;
    await clock.advance(5_000);
    assert.equal(((await unheard) as { code?: string }).code, "STORE_TIMEOUT");
    await clock.advance(31_000);
    const later = await textOf(second.getToken("other"));
    await clock.advance(1);
    assert.equal(await textOf(first.getToken("other")), later);
    assert.equal(first.source.calls.length, 1);
    await second.getToken(scope);
    assert.equal(second.source.calls.length, 2, "the first invalidation was asked for again");
  });

  it("is refused where it is none", () => {
    const source = new ScriptedCredential(new ManualClock());
    for (const store of [{}, null, "disk", new Map()])
      assert.throws(() => withTokenCache(source, { store: store as never, partition: "p" }), OptionError);
  });
});

describe("the option partition", () => {
  it("is demanded at once where the cache cannot find out whose tokens they are", () => {
    const source = new ScriptedCredential(new ManualClock());
    const wrap = () => withTokenCache(source, { store: new MemoryTokenStore(), identity: "fixed" });
    assert.throws(wrap, { name: "OptionError", option: "partition" });
  });

  it("is a text that is not empty, and has no half of a character", () => {
    const source = new ScriptedCredential(new ManualClock());
    for (const partition of ["", 7, null, "a\ud83d"])
      assert.throws(() => withTokenCache(source, { partition: partition as never }), OptionError);
  });
});
