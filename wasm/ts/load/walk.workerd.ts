// The walk as workerd wants it, in place of `walk.ts`: a module that its bundler compiled.
import compiled from "./store.wasm";

export const walkModule = (): BufferSource | WebAssembly.Module => compiled;
