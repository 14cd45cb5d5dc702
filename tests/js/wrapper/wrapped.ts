// A scripted credential with a cache, on a clock that the test moves.
import {
  type CachedCredential,
  type CacheEvent,
  type WithTokenCacheOptions,
  withTokenCache,
} from "azure-token-cache";
import { ManualClock, ScriptedCredential, type Step } from "azure-token-cache/testing";

export const scope = "https://vault.azure.net/.default";
export const minute = 60_000;
export const hour = 60 * minute;

export interface Wrapped {
  readonly clock: ManualClock;
  readonly source: ScriptedCredential;
  readonly credential: CachedCredential;
  readonly events: CacheEvent[];
}

export function wrapped(steps: readonly Step[] = [], options: WithTokenCacheOptions = {}): Wrapped {
  const clock = new ManualClock();
  const source = new ScriptedCredential(clock, steps);
  const events: CacheEvent[] = [];
  const onEvent = (event: CacheEvent) => events.push(event);
  const credential = withTokenCache(source, { clock, identity: "fixed", onEvent, ...options });
  return { clock, source, credential, events };
}

/** A policy whose retry delays are exact. */
export const exact = { retryJitterPercent: 0 };

/** What became of a promise so far: its token's text, `null`, the error, or "pending". */
export async function stateOf(
  promise: Promise<{ token: string } | null>,
  clock: ManualClock,
): Promise<unknown> {
  let state: unknown = "pending";
  promise.then(
    (answer) => {
      state = answer === null ? null : answer.token;
    },
    (error: unknown) => {
      state = error;
    },
  );
  await clock.settle();
  return state;
}

export async function textOf(answer: Promise<{ token: string } | null>): Promise<string | null> {
  return (await answer)?.token ?? null;
}

/** The error that a promise is rejected with, itself. */
export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  const none = Symbol("resolved");
  const outcome = await promise.then(
    () => none,
    (error: unknown) => ({ error }),
  );
  if (typeof outcome === "symbol") throw new Error("the promise resolved");
  return outcome.error;
}
