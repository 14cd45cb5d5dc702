// Random runs against a small model: what each caller may get, and how often a credential may be asked.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CachedCredential, withTokenCache } from "azure-token-cache";
import { ManualClock } from "azure-token-cache/testing";
import fc from "fast-check";
import { minute } from "./wrapped.ts";

const minValidity = 2_000;
const failureMemory = { first: 1_000, most: 30_000 };

/** How the credential answers from now on. */
type Mood =
  | { readonly is: "well"; readonly livesMs: number; readonly delayMs: number }
  | { readonly is: "failing"; readonly delayMs: number }
  | { readonly is: "empty" };

type Operation =
  | { readonly does: "ask"; readonly scope: number; readonly abortAfterMs: number | undefined }
  | { readonly does: "advance"; readonly milliseconds: number }
  | { readonly does: "mood"; readonly mood: Mood }
  | { readonly does: "invalidate"; readonly scope: number }
  | { readonly does: "suspend"; readonly milliseconds: number };

const moods = fc.oneof(
  fc.record({
    is: fc.constant("well" as const),
    livesMs: fc.constantFrom(30_000, 5 * minute, 20 * minute, 60 * minute, 180 * minute),
    delayMs: fc.constantFrom(0, 10, 1_000, 15_000),
  }),
  fc.record({ is: fc.constant("failing" as const), delayMs: fc.constantFrom(0, 50, 5_000) }),
  fc.record({ is: fc.constant("empty" as const) }),
);

const scopes = fc.integer({ min: 0, max: 2 });

const operations: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant("ask" as const),
      scope: scopes,
      abortAfterMs: fc.option(fc.constantFrom(0, 5, 700), { nil: undefined, freq: 3 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant("advance" as const),
      milliseconds: fc.constantFrom(1, 100, 999, 10_000, 31_000, minute, 10 * minute, 40 * minute),
    }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant("mood" as const), mood: moods }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("invalidate" as const), scope: scopes }) },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant("suspend" as const),
      milliseconds: fc.constantFrom(5_000, 30 * minute),
    }),
  },
);

/** A token's text says all that the model needs. */
interface Minted {
  readonly scope: string;
  readonly number: number;
  readonly generation: number;
  readonly expires: number;
}

/** The credential, which checks how it is asked while it answers as it is told. */
class Source {
  mood: Mood = { is: "well", livesMs: 60 * minute, delayMs: 0 };
  /** How often a scope was invalidated: a token says after how many it was asked for. */
  readonly generations = new Map<string, number>();
  readonly newest = new Map<string, Minted>();
  readonly #flying = new Map<string, number>();
  readonly #clock: ManualClock;
  #minted = 0;
  attempts: number[] = [];

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  readonly getToken = (scopes: string | string[], options?: { abortSignal?: AbortSignal }) => {
    const scope = String(scopes);
    const generation = this.generations.get(scope) ?? 0;
    const mood = this.mood;
    this.attempts.push(this.#clock.monotonicMillis());
    assert.equal(this.#flying.get(scope) ?? 0, 0, "at most one fetch in flight");
    this.#flying.set(scope, 1);
    return new Promise<{ token: string; expiresOnTimestamp: number } | null>((resolve, reject) => {
      const land = () => this.#flying.set(scope, 0);
      options?.abortSignal?.addEventListener("abort", () => {
        land();
        reject(new Error("aborted"));
      });
      const answer = () => {
        if (options?.abortSignal?.aborted === true) return;
        land();
        if (mood.is === "failing") return reject(new RangeError("failing"));
        if (mood.is === "empty") return resolve(null);
        this.#minted += 1;
        const expires = this.#clock.unixMillis() + mood.livesMs;
        const minted = { scope, number: this.#minted, generation, expires };
        this.newest.set(scope, minted);
        resolve({ token: JSON.stringify(minted), expiresOnTimestamp: expires });
      };
      const delayMs = mood.is === "empty" ? 0 : mood.delayMs;
      if (delayMs === 0) answer();
      else this.#clock.setTimer(answer, delayMs);
    });
  };
}

async function play(run: readonly Operation[]): Promise<void> {
  const clock = new ManualClock();
  const source = new Source(clock);
  const credential = withTokenCache(source as never, {
    clock,
    identity: "fixed",
    policy: { retryJitterPercent: 0 },
  });
  const calls: Promise<void>[] = [];
  for (const operation of run) {
    switch (operation.does) {
      case "ask":
        calls.push(ask(credential, source, clock, operation.scope, operation.abortAfterMs));
        await clock.settle();
        break;
      case "advance":
        await clock.advance(operation.milliseconds);
        break;
      case "mood":
        source.mood = operation.mood;
        break;
      case "invalidate": {
        const scope = `scope-${operation.scope}`;
        source.generations.set(scope, (source.generations.get(scope) ?? 0) + 1);
        await credential.invalidate(scope);
        break;
      }
      case "suspend":
        await clock.suspend(operation.milliseconds);
        break;
    }
  }
  await clock.advance(61_000);
  const settled = await Promise.race([Promise.all(calls).then(() => true), clock.settle().then(() => false)]);
  assert.ok(settled, "every call is answered within the limit of a fetch");
}

async function ask(
  credential: CachedCredential,
  source: Source,
  clock: ManualClock,
  number: number,
  abortAfterMs: number | undefined,
): Promise<void> {
  const scope = `scope-${number}`;
  const asked = clock.unixMillis();
  const held = source.newest.get(scope);
  const generation = source.generations.get(scope) ?? 0;
  const controller = new AbortController();
  if (abortAfterMs !== undefined) clock.setTimer(() => controller.abort(), abortAfterMs);
  const options = abortAfterMs === undefined ? undefined : { abortSignal: controller.signal };
  try {
    const token = await credential.getToken(scope, options);
    if (token === null) return;
    const minted = JSON.parse(token.token) as Minted;
    assert.equal(minted.scope, scope);
    assert.ok(minted.expires > clock.unixMillis(), "never a token past its expiry");
    assert.ok(minted.generation >= generation, "never a token from before an invalidation");
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    const { name } = error as Error;
    assert.ok(name === "RangeError" || (name === "AbortError" && controller.signal.aborted), name);
    const servable = held?.generation === generation && held.expires - clock.unixMillis() > minValidity;
    if (name === "RangeError" && held !== undefined && clock.unixMillis() === asked)
      assert.ok(!servable, "no error while a token can be served");
  }
}

describe("random runs", () => {
  it("serve nothing stale, share every fetch, and answer everybody", async () => {
    await fc.assert(fc.asyncProperty(fc.array(operations, { minLength: 5, maxLength: 60 }), play), {
      numRuns: 300,
    });
  });

  it("of failures alone ask the credential no more often than its memory allows", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 20, maxLength: 200 }),
        async (pauses) => {
          const clock = new ManualClock();
          const source = new Source(clock);
          source.mood = { is: "failing", delayMs: 0 };
          const credential = withTokenCache(source as never, { clock, identity: "fixed" });
          for (const pause of pauses) {
            await credential.getToken("scope").catch(() => {});
            await clock.advance(pause);
          }
          let memory = failureMemory.first;
          for (let n = 1; n < source.attempts.length; n += 1) {
            const gap = (source.attempts[n] ?? 0) - (source.attempts[n - 1] ?? 0);
            assert.ok(gap >= memory && gap < memory + 900, `attempt ${n} after ${gap} ms`);
            memory = Math.min(2 * memory, failureMemory.most);
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});
