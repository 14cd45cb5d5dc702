// azure-token-cache/core in workerd: the engine, its codes and its types.
import { engineFactory } from "./core-api.ts";
import { workerdEngine } from "./load/workerd.ts";

export * from "./codes.ts";
export type { EngineOptions } from "./core-api.ts";
export type { Engine } from "./engine.ts";
export type { Policy, PolicyOption } from "./policy.ts";

/** A new engine, which holds nothing. */
export const createEngine = engineFactory(workerdEngine);
