// The engine as workerd wants it: a module that its bundler compiled. It refuses bytes.
import compiled from "./core.wasm";

export const workerdEngine = (): WebAssembly.Module => compiled;
