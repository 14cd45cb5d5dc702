// The first call of a program with a store beside the addon's engine: whatever answers it, callers see the same.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { GetTokenOptions, WithTokenCacheOptions } from "azure-token-cache";
import { MemoryTokenStore } from "azure-token-cache/testing";
import { nativeEngine } from "../../../node/ts/native-engine.ts";
import { defaultPlatform } from "../../../wasm/ts/default-platform.ts";
import { inlineEngine } from "../../../wasm/ts/load/inline.ts";
import type { Admission, LoginWatch, Run, Verdict } from "../../../wasm/ts/platform.ts";
import { createWithTokenCache } from "../../../wasm/ts/token-cache.ts";
import { errorOf, hour, minute, scope, textOf } from "./wrapped.ts";

/** A login that a test moves. */
class FakeLogin implements LoginWatch {
  readonly everyMs = 0;
  verdicts: Verdict[] = [];
  admission: Admission = "ok";

  unchanged(): boolean {
    return this.verdicts.length === 0;
  }

  examine(): Verdict {
    return this.verdicts.shift() ?? "same";
  }

  async run<T>(fetch: () => Promise<T>): Promise<Run<T>> {
    const outcome = await fetch().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    return { ...outcome, stability: "steady", session: 1 };
  }

  admit(token: string): Admission {
    return token === "stored" ? this.admission : "ok";
  }

  sessionNow(): number {
    return 1;
  }
}

/** A program whose store holds "stored" for `scope`; its own credential brings "own-1", "own-2" and so on. */
async function program(isQuick: boolean, { leftMs = hour, ...options }: ProgramOptions = {}) {
  const store = new MemoryTokenStore();
  await save(store, Date.now() + leftMs);
  const login = new FakeLogin();
  const engine = nativeEngine() ?? assert.fail("the addon is built");
  const program = { looks: 0, engines: 0, calls: 0, before: async () => {} };
  const near = {
    open() {},
    async load(key: Uint8Array) {
      program.looks += 1;
      await program.before();
      return store.load(key);
    },
  };
  const counted = {
    ...engine,
    ...(isQuick && { store: near }),
    create(...given: Parameters<typeof engine.create>) {
      program.engines += 1;
      return engine.create(...given);
    },
  };
  const platform = { ...defaultPlatform, engine: () => counted, watch: () => login };
  const source = {
    async getToken() {
      program.calls += 1;
      return { token: `own-${program.calls}`, expiresOnTimestamp: Date.now() + hour };
    },
  };
  const { withTokenCache } = createWithTokenCache(platform, inlineEngine);
  const credential = withTokenCache(source, { store, partition: "p", ...options });
  return Object.assign(program, { credential, login, store });
}

type ProgramOptions = WithTokenCacheOptions & { leftMs?: number };

/** As another program does. */
async function save(store: MemoryTokenStore, expiresAt: number): Promise<void> {
  const save = store.save.bind(store);
  const isSaved = new Promise((resolve, reject) => {
    store.save = (...given) => {
      const done = save(...given);
      done.then(resolve, reject);
      return done;
    };
  });
  const { withTokenCache } = createWithTokenCache(defaultPlatform, inlineEngine);
  const source = { getToken: async () => ({ token: "stored", expiresOnTimestamp: expiresAt }) };
  await withTokenCache(source, { store, partition: "p" }).getToken(scope);
  await isSaved;
}

describe("a first answer", () => {
  it("makes no engine, and the next call a hit of it", async () => {
    const first = await program(true);
    const token = await first.credential.getToken(scope);
    assert.equal(token?.token, "stored");
    assert.deepEqual([first.looks, first.engines, first.calls], [1, 0, 0]);
    assert.equal(await first.credential.getToken(scope), token);
    assert.equal(await first.credential.getToken([scope]), token);
    assert.deepEqual([first.looks, first.engines, first.calls], [1, 1, 0]);
  });

  it("is one for all who ask meanwhile", async () => {
    const first = await program(true);
    const asked = Array.from({ length: 5 }, () => first.credential.getToken(scope));
    assert.equal(new Set(await Promise.all(asked)).size, 1);
    assert.deepEqual([first.looks, first.engines, first.calls], [1, 0, 0]);
    assert.deepEqual(first.credential.stats(), {
      hits: 0,
      waits: 5,
      fetches: 1,
      fetchesBehind: 0,
      failures: 0,
      tokens: 1,
    });
  });

  it("is not tried where anything is unusual", async () => {
    const signal = new AbortController().signal;
    const asks: [WithTokenCacheOptions, string | string[], GetTokenOptions | undefined][] = [
      [{}, scope, { abortSignal: signal }],
      [{}, scope, { claims: "c" }],
      [{}, [scope], undefined],
      [{ onEvent: () => {} }, scope, undefined],
      [{ clock: { unixMillis: () => Date.now(), monotonicMillis: () => 5 } }, scope, undefined],
    ];
    for (const [options, scopes, request] of asks) {
      const first = await program(true, options);
      assert.notEqual(await first.credential.getToken(scopes, request), null);
      assert.equal(first.looks, 0);
      await first.credential.getToken("another");
      assert.equal(first.looks, 0);
    }
  });

  it("stays when another request's token is invalidated, and goes when its own is", async () => {
    const first = await program(true);
    assert.equal(await textOf(first.credential.getToken(scope)), "stored");
    await first.credential.invalidate("another");
    assert.deepEqual([first.credential.stats().tokens, first.credential.explain(scope).zone], [1, "fresh"]);
    await first.credential.invalidate(scope);
    assert.equal(await textOf(first.credential.getToken(scope)), "own-1");
  });

  it("does not put off what a wrong policy is told", async () => {
    await assert.rejects(program(true, { policy: { minValidityMs: -1 } }), {
      name: "OptionError",
    });
  });

  it("that cannot be looked for is had the usual way", async () => {
    const first = await program(true);
    first.before = () => Promise.reject(new Error("no"));
    assert.equal(await textOf(first.credential.getToken(scope)), "stored");
    assert.deepEqual([first.looks, first.engines], [1, 1]);
  });
});

for (const [way, isQuick] of [
  ["a first answer", true],
  ["the usual way", false],
] as const)
  describe(`a first call by ${way}`, () => {
    it("counts as a wait and a fetch, and its token is explained", async () => {
      const { credential } = await program(isQuick);
      await credential.getToken(scope);
      assert.deepEqual(credential.explain(scope).zone, "fresh");
      const { hits, waits, fetches, tokens } = credential.stats();
      assert.deepEqual([hits, waits, fetches, tokens], [0, 1, 1, 1]);
      await credential.getToken(scope);
      assert.equal(credential.stats().hits, 1);
    });

    it("goes on to the credential where the stored token has expired, or has too little time", async () => {
      const policies = [{ scaleShortLives: false }, { minValidityMs: 30 * minute, scaleShortLives: false }];
      for (const [place, policy] of policies.entries()) {
        const options = { leftMs: place === 0 ? 1_000 : 20 * minute, policy };
        const first = await program(isQuick, options);
        const asked = [first.credential.getToken(scope), first.credential.getToken(scope)];
        assert.deepEqual(await Promise.all(asked.map(textOf)), ["own-1", "own-1"]);
        const { waits, fetches, failures } = first.credential.stats();
        assert.deepEqual([waits, fetches, failures, first.calls], [2, 1, 0, 1]);
      }
    });

    it("beside other requests answers each of them", async () => {
      const { credential } = await program(isQuick);
      const asked = [
        credential.getToken(scope, { claims: "c" }),
        credential.getToken(scope),
        credential.getToken("another"),
        credential.getToken(scope, { abortSignal: new AbortController().signal }),
      ];
      for (const answer of asked) assert.match(String(await textOf(answer)), /^(stored|own-\d)$/);
      assert.equal(await textOf(credential.getToken(scope)), await textOf(credential.getToken([scope])));
    });

    it("is not served once it was invalidated", async () => {
      const { credential } = await program(isQuick);
      await credential.getToken(scope);
      await credential.invalidate(scope);
      assert.equal(await textOf(credential.getToken(scope)), "own-1");
    });

    it("keeps nothing that was invalidated while it was looked for", async () => {
      const { credential, store } = await program(isQuick);
      const load = store.load.bind(store);
      const invalidated: Promise<void>[] = [];
      store.load = (key) => {
        const entry = load(key);
        if (invalidated.length === 0) invalidated.push(credential.invalidate());
        return entry;
      };
      assert.notEqual(await credential.getToken(scope), null);
      await Promise.all(invalidated);
      assert.match(String(await textOf(credential.getToken(scope))), /^own-/);
    });

    it("is refused once the cache is closed, and while it closes", async () => {
      const { credential } = await program(isQuick);
      const asked = credential.getToken(scope);
      asked.catch(() => {});
      await credential.close();
      for (const answer of [asked, credential.getToken(scope)])
        assert.equal(((await errorOf(answer)) as Error).name, "ClosedError");
    });

    it("does not serve a token whose login changed while it was looked for", async () => {
      const { credential, login, store } = await program(isQuick);
      const load = store.load.bind(store);
      let moved = false;
      store.load = async (key) => {
        const entry = await load(key);
        if (!moved) login.verdicts.push("changed");
        moved = true;
        // What is in the store is of the login before.
        return login.verdicts.length > 0 ? entry : { generation: entry.generation };
      };
      assert.equal(await textOf(credential.getToken(scope)), "own-1");
    });

    it("does not serve a token of another account than the one that is logged in", async () => {
      const { credential, login } = await program(isQuick);
      login.admission = "contradiction";
      assert.equal(((await errorOf(credential.getToken(scope))) as Error).name, "LoginContradictionError");
    });

    it("forgets its token when the login changes after it", async () => {
      const { credential, login, store } = await program(isQuick);
      await credential.getToken(scope);
      store.load = async () => ({ generation: { store: 0, entry: 0 } });
      login.verdicts.push("changed");
      assert.equal(await textOf(credential.getToken(scope)), "own-1");
    });
  });
