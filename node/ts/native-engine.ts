// The engine out of the addon: for a cache whose store is the addon's too, so that it is loaded anyway.
import { type EngineModule, engineModule, type NearStore, type RawModule } from "../../wasm/ts/engine.ts";
import type { TokenStore } from "../../wasm/ts/store/token-store.ts";
import { addon, nativeStore } from "./addon.ts";

/**
 * `undefined` where there is none, or where wasm serves better. To compile wasm takes milliseconds of a program's start; a
 * question costs the addon a third of a microsecond, and wasm a hundredth. A hit asks neither.
 */
export function engineBeside(store: TokenStore | undefined): EngineModule | undefined {
  const near = (store as { [nativeStore]?: NearStore } | undefined)?.[nativeStore];
  const engine = near && nativeEngine();
  return engine && { ...engine, store: near };
}

let made: EngineModule | undefined;

/** `undefined` without an addon. */
export function nativeEngine(): EngineModule | undefined {
  const { policyNumber, createEngine, storedIsUsable } = addon<EngineExports>() ?? {};
  if (policyNumber === undefined || createEngine === undefined || storedIsUsable === undefined)
    return undefined;
  made ??= engineModule({ policyNumber, create: createEngine, storedIsUsable, follow });
  return made;
}

const follow: RawModule["follow"] = (run, asker) => {
  run.then(
    (value) => asker.ended(false, value),
    (error: unknown) => asker.ended(true, error),
  );
};

interface EngineExports extends Pick<RawModule, "policyNumber" | "storedIsUsable"> {
  createEngine: RawModule["create"];
}
