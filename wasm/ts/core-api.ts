// azure-token-cache/core: the engine for other hosts, numbers in and numbers out.
import type { Engine } from "./engine.ts";
import { OptionError } from "./errors.ts";
import { type PolicyOption, policyNumbers } from "./policy.ts";
import { type EngineSource, loadEngine } from "./wasm-engine.ts";

/** How an engine is made. */
export interface EngineOptions {
  policy?: PolicyOption;
  /** How many entries it keeps. Default 10,000. */
  maxEntries?: number;
  /** Spreads its retries: give each process its own. Default: a random one. */
  seed?: number;
}

/** Makes engines from the wasm of `source`. */
export function engineFactory(source: EngineSource): (options?: EngineOptions) => Engine {
  return ({ policy, maxEntries = 10_000, seed = Math.random() * 2 ** 53 } = {}) => {
    const module = loadEngine(source);
    const engine = module.create(policyNumbers(policy, module), maxEntries, seed);
    if (engine === undefined) throw new OptionError("policy", "has a number that is out of range");
    return engine;
  };
}
