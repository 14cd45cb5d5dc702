// The engine's bytes for Node, in place of `engine.ts`: out of a file beside this one, which no program parses at its start.
import { pathOf, readPackageFile } from "../package-files.ts";

export const engineSource = (): BufferSource =>
  readPackageFile(
    "core.wasm",
    () => pathOf(new URL("./core.wasm", import.meta.url)),
    (path) => process.getBuiltinModule("node:fs").readFileSync(path),
  );
