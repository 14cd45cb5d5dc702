// The numbers of the decision table, by the names that a user gives them.
import type { EngineModule, PolicyNumbers } from "./engine.ts";
import { OptionError } from "./errors.ts";

/** When a token is due, how long a caller may wait, and how soon a failure is tried again. */
export interface Policy {
  /** A token with at most this much left is due. Default 300,000. */
  refreshBeforeExpiryMs: number;
  /** A due token with at least this much left is refreshed behind its callers; with less, in front. Default 60,000. */
  backgroundMinValidityMs: number;
  /** A token with at most this much left is not served. Default 2,000. */
  minValidityMs: number;
  /** A token without a hint that lives two hours or more is due when half of its life is over. Default true. */
  halfLife: boolean;
  /** The next attempt begins at the earliest this long after one began. Default 30,000. */
  retryDelayMs: number;
  /** That delay doubles with every attempt that brings nothing new, up to this. Default 300,000. */
  retryDelayMaxMs: number;
  /** The delay is spread by plus or minus this share. Default 20. */
  retryJitterPercent: number;
  /** A first failure answers callers for this long, when nothing can be served. 0: not at all. Default 1,000. */
  failureMemoryMs: number;
  /** That memory doubles with every failure, up to this. Default 30,000. */
  failureMemoryMaxMs: number;
  /** The memory of a network failure, which does not double. Default 5,000. */
  networkFailureMemoryMs: number;
  /** A fetch that takes longer counts as ended. Default 60,000. */
  fetchLimitMs: number;
  /** The same for credentials that ask a person. Default 900,000. */
  interactiveFetchLimitMs: number;
  /** The first three are scaled by `min(1, lifetime / 20 min)`. Default true. */
  scaleShortLives: boolean;
  /** An unchanged answer restarts the half-life, and crossing `refreshBeforeExpiryMs` opens the gate. Default true. */
  tolerateRepeats: boolean;
}

/** The default with changes, or the rule of the Azure SDK for Python. */
export type PolicyOption = "azure-identity" | Partial<Policy>;

/** The order in which core takes them. */
const names: readonly (keyof Policy)[] = [
  "refreshBeforeExpiryMs",
  "backgroundMinValidityMs",
  "minValidityMs",
  "halfLife",
  "retryDelayMs",
  "retryDelayMaxMs",
  "retryJitterPercent",
  "failureMemoryMs",
  "failureMemoryMaxMs",
  "networkFailureMemoryMs",
  "fetchLimitMs",
  "interactiveFetchLimitMs",
  "scaleShortLives",
  "tolerateRepeats",
];

const truths: ReadonlySet<string> = new Set(["halfLife", "scaleShortLives", "tolerateRepeats"]);

/** Core counts them in 32 bits: 49 days. */
const largest = 2 ** 32 - 1;

/** The whole policy that an option means, in core's numbers. */
export function policyNumbers(option: unknown, engine: EngineModule): PolicyNumbers {
  if (option === undefined) return engine.policyNumbers("default");
  if (option === "azure-identity") return engine.policyNumbers(option);
  if (typeof option !== "object" || option === null)
    throw new OptionError(
      "policy",
      'must be "azure-identity" or an object such as { refreshBeforeExpiryMs: 600_000 }',
    );
  const numbers = engine.policyNumbers("default");
  for (const [name, value] of Object.entries(option)) {
    const place = names.indexOf(name as keyof Policy);
    if (place < 0) throw new OptionError(`policy.${name}`, `is unknown: a policy has ${names.join(", ")}`);
    if (value !== undefined) numbers[place] = numberOf(name, value);
  }
  return numbers;
}

/** What of a policy counts outside the engine: for errors, and for the way through a store. */
export interface Limits {
  readonly fetch: number;
  readonly interactive: number;
  readonly minValidity: number;
  readonly scaleShortLives: boolean;
}

export function limitsOf(numbers: PolicyNumbers): Limits {
  const number = (name: keyof Policy) => numbers[names.indexOf(name)] ?? 0;
  return {
    fetch: number("fetchLimitMs"),
    interactive: number("interactiveFetchLimitMs"),
    minValidity: number("minValidityMs"),
    scaleShortLives: number("scaleShortLives") === 1,
  };
}

function numberOf(name: string, value: unknown): number {
  if (truths.has(name)) {
    if (typeof value !== "boolean") throw new OptionError(`policy.${name}`, "must be true or false");
    return value ? 1 : 0;
  }
  if (typeof value !== "number" || !(value >= 0 && value <= largest))
    throw new OptionError(`policy.${name}`, `must be a number from 0 to ${largest}`);
  return value;
}
