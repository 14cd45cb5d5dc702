// How big the wasm is, as built and as compressed for the wire.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { report } from "../child.mjs";

const wasm = readFileSync(fileURLToPath(new URL("../../../dist/core.wasm", import.meta.url)));
if (!WebAssembly.validate(wasm)) throw new Error("dist/core.wasm is not wasm");

report({
  values: { "wasm.raw": wasm.length / 1024, "wasm.gzip": gzipSync(wasm, { level: 9 }).length / 1024 },
});
