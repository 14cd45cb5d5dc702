// What a user may set, checked: an option that is misspelt must not be an option that is ignored.
import type { Clock } from "./clock.ts";
import { OptionError } from "./errors.ts";
import { type EventListener, shielded } from "./events.ts";
import type { PolicyOption } from "./policy.ts";
import { isExact } from "./store/entry-key.ts";
import type { TokenStore } from "./store/token-store.ts";

/** Options of a cache. */
export interface TokenCacheOptions {
  /** When tokens are refreshed and how failures are tried again. */
  policy?: PolicyOption;
  /** Where the time is read; for tests. */
  clock?: Clock;
  /** How many tokens are kept. Default 10,000. */
  maxEntries?: number;
  /** Hears what happens. */
  onEvent?: EventListener;
  /** Where tokens are kept for all processes: `persistentStore()` of `azure-token-cache/node`, or one of your own. */
  store?: TokenStore;
}

/** Options of one credential in a cache. */
export interface WrapOptions {
  /**
   * Whose login the tokens depend on: `"fixed"` says that nobody can change it, `cliIdentity()` (from
   * `azure-token-cache/node`) that it is the Azure CLI's. By default the cache finds out.
   */
  identity?: "fixed" | object;
  /**
   * With a store: whose tokens these are, for a credential of which the cache cannot find out. Any text that no credential of
   * another identity is given, such as a tenant and a client id.
   */
  partition?: string;
}

/** All options of `withTokenCache`. */
export interface WithTokenCacheOptions extends TokenCacheOptions, WrapOptions {}

/** Options of a cache, checked. */
export interface CheckedOptions {
  readonly policy: unknown;
  readonly clock: Clock | undefined;
  readonly maxEntries: number;
  readonly emit: EventListener | undefined;
  readonly store: TokenStore | undefined;
}

/** Options of one credential, checked: undefined where the cache is to find out. */
export interface CheckedWrapOptions {
  readonly identity: unknown;
  readonly partition: string | undefined;
}

const cacheOptions = ["policy", "clock", "maxEntries", "onEvent", "store"];
const wrapOptions = ["identity", "partition"];
const storeMethods = ["load", "tryLock", "save", "saveFailure", "invalidate", "clear"] as const;
const defaultMaxEntries = 10_000;

/** Checks the options of a cache; `policy` is checked where the engine is at hand. */
export function checkCacheOptions(options: unknown, alsoWrap: boolean): CheckedOptions {
  const known = alsoWrap ? [...cacheOptions, ...wrapOptions] : cacheOptions;
  const { policy, clock, maxEntries, onEvent, store } = checkNames(options, known) as TokenCacheOptions;
  return {
    policy,
    clock: clock === undefined ? undefined : checkClock(clock),
    maxEntries: checkMaxEntries(maxEntries ?? defaultMaxEntries),
    emit: onEvent === undefined ? undefined : shielded(checkListener(onEvent)),
    store: store === undefined ? undefined : checkStore(store),
  };
}

/** Checks the options of a credential. */
export function checkWrapOptions(options: unknown, alsoCache: boolean): CheckedWrapOptions {
  const known = alsoCache ? [...cacheOptions, ...wrapOptions] : wrapOptions;
  const { identity, partition } = checkNames(options, known) as WrapOptions;
  return { identity: checkIdentity(identity), partition: checkPartition(partition) };
}

function checkIdentity(identity: unknown): unknown {
  if (identity === undefined || identity === "fixed") return identity;
  if (typeof identity !== "object" || identity === null)
    throw new OptionError("identity", 'must be "fixed", or cliIdentity() from "azure-token-cache/node"');
  return identity;
}

/** Whether any option is set. */
export function hasOptions(options: unknown): boolean {
  return options !== undefined && Object.values(Object(options)).some((value) => value !== undefined);
}

function checkNames(options: unknown, known: readonly string[]): object {
  if (options === undefined) return {};
  if (typeof options !== "object" || options === null)
    throw new OptionError("options", `must be an object with any of ${known.join(", ")}`);
  for (const name of Object.keys(options))
    if (!known.includes(name)) throw new OptionError(name, `is unknown: this takes ${known.join(", ")}`);
  return options;
}

function checkClock(clock: Clock): Clock {
  const reads = (name: "unixMillis" | "monotonicMillis") =>
    typeof clock?.[name] === "function" && Number.isFinite(clock[name]());
  if (!reads("unixMillis") || !reads("monotonicMillis"))
    throw new OptionError(
      "clock",
      "must be an object whose unixMillis() and monotonicMillis() return milliseconds",
    );
  if ((clock.setTimer === undefined) !== (clock.clearTimer === undefined))
    throw new OptionError("clock", "must have both setTimer and clearTimer, or neither");
  return clock;
}

function checkMaxEntries(maxEntries: unknown): number {
  if (
    typeof maxEntries !== "number" ||
    !Number.isInteger(maxEntries) ||
    maxEntries < 1 ||
    maxEntries > 2 ** 31
  )
    throw new OptionError("maxEntries", "must be a whole number of at least 1");
  return maxEntries;
}

function checkPartition(partition: unknown): string | undefined {
  if (partition === undefined || (typeof partition === "string" && partition !== "" && isExact(partition)))
    return partition;
  throw new OptionError("partition", "must be a text that is not empty, such as a tenant and a client id");
}

function checkStore(store: TokenStore): TokenStore {
  if (storeMethods.every((name) => typeof store?.[name] === "function")) return store;
  const problem =
    'must be persistentStore() from "azure-token-cache/node", seal(yours, { key }) of a store that keeps bytes, or an object with ' +
    storeMethods.join(", ");
  throw new OptionError("store", problem);
}

function checkListener(listener: unknown): EventListener {
  if (typeof listener !== "function") throw new OptionError("onEvent", "must be a function");
  return listener as EventListener;
}
