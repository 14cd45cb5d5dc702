// The engine in wasm, which comes to life at its first use, once.
import { type EngineModule, engineModule, type RawModule } from "./engine.ts";
import * as glue from "./generated/engine.js";

/** The bytes of the engine, or the compiled module where a runtime refuses bytes. */
export type EngineSource = () => BufferSource | WebAssembly.Module;

let loaded: EngineModule | undefined;

/** Instantiates the wasm, the first time; importing this package costs nothing of that. */
export function loadEngine(source: EngineSource): EngineModule {
  if (loaded === undefined) {
    glue.initSync({ module: source() });
    const { policyNumber, storedIsUsable, follow } = glue;
    const create: RawModule["create"] = (policy, maxEntries, seed) =>
      glue.Engine.create(policy, maxEntries, seed);
    loaded = engineModule({ policyNumber, storedIsUsable, follow, create });
  }
  return loaded;
}
