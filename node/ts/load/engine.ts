// The engine's bytes for Node, out of this very file: a program that a bundler makes has nothing beside it.
export { inlineEngine as engineSource } from "../../../wasm/ts/load/inline.ts";
