// The engine's bytes for Node, in place of `engine.ts`: out of a file beside this one, which no program parses at its start.
import { readFirst } from "../package-files.ts";

export const engineSource = (): BufferSource =>
  readFirst("core.wasm", (path) => process.getBuiltinModule("node:fs").readFileSync(path));
