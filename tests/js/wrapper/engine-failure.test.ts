// What is left of a cache when its engine cannot go on: everything but the tokens.
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { type CacheEvent, withTokenCache } from "azure-token-cache";
import { ManualClock, ScriptedCredential, type Step } from "azure-token-cache/testing";
import { addon } from "../../../node/ts/addon.ts";
import { nativeEngine } from "../../../node/ts/native-engine.ts";
import { defaultPlatform } from "../../../wasm/ts/default-platform.ts";
import type { RawEngine } from "../../../wasm/ts/engine.ts";
import { Engine } from "../../../wasm/ts/generated/engine.js";
import { inlineEngine } from "../../../wasm/ts/load/inline.ts";
import type { Platform } from "../../../wasm/ts/platform.ts";
import { createWithTokenCache } from "../../../wasm/ts/token-cache.ts";
import { fakeToken } from "../../leaks/search.mjs";
import { errorOf, hour, minute, scope, stateOf, textOf, wrapped } from "./wrapped.ts";

describe("a caller's own recursion", { timeout: 60_000 }, () => {
  const source = { getToken: async () => ({ token: fakeToken("t"), expiresOnTimestamp: Date.now() + hour }) };
  const wrappers = {
    "nobody watches": () => withTokenCache(source, { identity: "fixed" }),
    "is watched now and then": () => withTokenCache(source),
    "is on a clock of its own": () => wrapped([], { maxEntries: 100 }).credential,
  };
  for (const [what, make] of Object.entries(wrappers))
    it(`that ends anywhere in a call leaves the cache as it was, where the credential ${what}`, async () => {
      // Each start meets the end of the stack at another place of the call.
      const nearTheEnd = Math.floor(levels() * 0.9);
      for (let start = nearTheEnd; start < nearTheEnd + 12; start += 1) {
        const credential = make();
        const outcomes: Promise<unknown>[] = [];
        assert.throws(() => descend(start, () => dive(credential, outcomes)), RangeError);
        await Promise.all(outcomes);
        const after = await credential.getToken("after");
        assert.notEqual(after, null);
        assert.equal(await credential.getToken("after"), after);
        await credential.close();
      }
    });

  /** A new request at every depth. */
  function dive(
    credential: { getToken(scope: string): Promise<unknown> },
    outcomes: Promise<unknown>[],
  ): void {
    const outcome = credential.getToken(`scope-${outcomes.length}`);
    outcomes.push(
      outcome.then(
        () => {},
        (error: unknown) => assert.ok(error instanceof RangeError, String((error as Error).stack)),
      ),
    );
    dive(credential, outcomes);
  }

  function descend(depth: number, atTheEnd: () => void): void {
    if (depth === 0) atTheEnd();
    else descend(depth - 1, atTheEnd);
  }

  /** How deep the stack is, in calls of `descend`. */
  function levels(): number {
    let [fits, tooMany] = [0, 2 ** 20];
    while (tooMany - fits > 100) {
      const depth = Math.floor((fits + tooMany) / 2);
      try {
        descend(depth, () => {});
        fits = depth;
      } catch {
        tooMany = depth;
      }
    }
    return fits;
  }
});

const doors = ["lookup", "request", "input", "fetched", "read", "text"] as const;
type Door = (typeof doors)[number];

/** Lets one door of an engine trap, once: from then on that engine refuses everything, as a wasm that trapped does. */
class Trap {
  #armed: Door | undefined;
  readonly #broken = new WeakSet<object>();
  readonly #prototype: RawEngine;
  readonly #real: (readonly [Door, RawEngine[Door]])[];

  constructor(prototype: RawEngine) {
    this.#prototype = prototype;
    this.#real = doors.map((door) => [door, prototype[door]] as const);
    const enter = (engine: object, door: Door) => {
      if (door === this.#armed) {
        this.#armed = undefined;
        this.#broken.add(engine);
      }
      if (this.#broken.has(engine)) throw new WebAssembly.RuntimeError("unreachable");
    };
    for (const [door, open] of this.#real)
      Object.assign(prototype, {
        [door](this: RawEngine, ...given: unknown[]) {
          enter(this, door);
          return (open as (...given: unknown[]) => unknown).apply(this, given);
        },
      });
  }

  arm(door: Door): void {
    this.#armed = door;
  }

  get sprung(): boolean {
    return this.#armed === undefined;
  }

  remove(): void {
    Object.assign(this.#prototype, Object.fromEntries(this.#real));
  }
}

const engines: Record<string, { prototype: RawEngine; platform: Platform }> = {
  "in wasm": { prototype: Engine.prototype, platform: defaultPlatform },
  "in the addon": {
    prototype: addon<{ Engine: typeof Engine }>()?.Engine?.prototype ?? assert.fail("the addon is built"),
    platform: { ...defaultPlatform, engine: nativeEngine },
  },
};

for (const [where, { prototype, platform }] of Object.entries(engines))
  describe(`an engine ${where} that traps`, () => {
    let trap: Trap;
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown) => unhandled.push(error);

    function trapped(steps: readonly Step[] = []) {
      trap = new Trap(prototype);
      process.on("unhandledRejection", onUnhandled);
      const { withTokenCache } = createWithTokenCache(platform, inlineEngine);
      const clock = new ManualClock();
      const source = new ScriptedCredential(clock, steps);
      const events: CacheEvent["type"][] = [];
      const credential = withTokenCache(source, {
        clock,
        identity: "fixed",
        onEvent: ({ type }) => events.push(type),
      });
      return { clock, source, credential, events };
    }

    afterEach(async () => {
      await new Promise(setImmediate);
      process.off("unhandledRejection", onUnhandled);
      trap.remove();
      assert.deepEqual(unhandled.splice(0), []);
      assert.ok(trap.sprung);
    });

    for (const door of doors)
      it(`in a call, at ${door}, is replaced: the call is answered, and so are later ones`, async () => {
        const { credential, events } = trapped();
        await credential.getToken("held");
        trap.arm(door);
        assert.notEqual(await textOf(credential.getToken(scope)), null);
        const later = await textOf(credential.getToken(scope));
        assert.equal(await textOf(credential.getToken([scope])), later);
        assert.notEqual(await textOf(credential.getToken("held")), "token-1");
        assert.equal(events.filter((type) => type === "engine-failed").length, 1);
      });

    it("while others wait gives them what their runs bring, and keeps none of it", async () => {
      const thrown = new Error("no");
      const { credential, clock, source } = trapped([
        { delayMs: 20, token: "a's" },
        { delayMs: 20, error: thrown },
      ]);
      const leaver = new AbortController();
      const [token, error] = [credential.getToken("a"), credential.getToken("b")];
      const stays = credential.getToken("a", { abortSignal: new AbortController().signal });
      const left = credential.getToken("a", { abortSignal: leaver.signal });
      left.catch(() => {});
      trap.arm("lookup");
      const caller = credential.getToken("c");
      caller.catch(() => {});
      leaver.abort();
      assert.equal(((await errorOf(left)) as Error).name, "AbortError");
      assert.equal(await stateOf(token, clock), "pending");
      await clock.advance(20);
      assert.equal(await textOf(token), "a's");
      assert.equal(await stays, await token);
      assert.equal(await errorOf(error), thrown);
      const before = source.calls.length;
      await credential.getToken("a");
      assert.equal(source.calls.length, before + 1);
    });

    for (const [what, step, name] of [
      ["no token", { token: "" }, "NotATokenError"],
      ["a past one", { token: fakeToken("t"), expiresOnTimestamp: 1_000 }, "TokenExpiryError"],
    ] as const)
      it(`under a run that brings ${what} says so to those who wait`, async () => {
        const { credential, clock } = trapped([{ delayMs: 20, ...step }]);
        const waiting = credential.getToken("a");
        waiting.catch(() => {});
        trap.arm("request");
        await credential.getToken("b");
        await clock.advance(20);
        assert.equal(((await errorOf(waiting)) as Error).name, name);
      });

    it("at the end of a run gives those who wait its token", async () => {
      const { credential, clock, events } = trapped([{ delayMs: 20 }]);
      const waiting = [credential.getToken(scope), credential.getToken([scope])];
      trap.arm("fetched");
      await clock.advance(20);
      assert.deepEqual(await Promise.all(waiting.map(textOf)), ["token-1", "token-1"]);
      assert.deepEqual(events, ["fetch-start", "engine-failed", "fetch-end"]);
      assert.equal(await textOf(credential.getToken(scope)), "token-2");
    });

    it("at a timer leaves nobody waiting beyond the limit of a fetch", async () => {
      const { credential, clock } = trapped([{ delayMs: 3 * minute }, { delayMs: 3 * minute }]);
      const waiting = [credential.getToken("a"), credential.getToken("b")];
      for (const one of waiting) one.catch(() => {});
      await clock.advance(30_000);
      trap.arm("request");
      const caller = credential.getToken("c");
      await clock.advance(30_000);
      for (const one of waiting) assert.equal(((await errorOf(one)) as Error).name, "FetchTimeoutError");
      assert.notEqual(await textOf(caller), null);
    });

    it("in what is no call does what was asked, on a new one", async () => {
      const asks: ((credential: ReturnType<typeof withTokenCache>) => unknown)[] = [
        (credential) => credential.invalidate(scope),
        (credential) => credential.explain(scope),
      ];
      for (const ask of asks) {
        const { credential } = trapped();
        await credential.getToken(scope);
        trap.arm("request");
        await ask(credential);
        assert.equal(await textOf(credential.getToken(scope)), "token-2");
        trap.remove();
      }
      const { credential } = trapped([{ delayMs: 20 }]);
      const waiting = credential.getToken(scope);
      waiting.catch(() => {});
      trap.arm("input");
      await credential.close();
      assert.equal(((await errorOf(waiting)) as Error).name, "ClosedError");
    });
  });
