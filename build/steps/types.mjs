// Step: the declarations of the library, in dist/types.
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "../command.mjs";
import { root } from "../root.mjs";

const generated = ["engine.d.ts", "az.d.ts"];

export const types = {
  name: "types",
  says: "checks the library's types and writes its declarations",
  inputs: [
    "tsconfig.base.json",
    "tsconfig.json",
    "package-lock.json",
    "wasm/ts",
    "wasm/src",
    "core/src",
    "node/ts",
    "build/steps/types.mjs",
  ],
  outputs: () => ["dist/types/wasm/ts/index.d.ts"],
  run() {
    run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "--project", "tsconfig.json"]);
    copyGenerated();
  },
};

/** tsc emits no copy of declarations that it only reads. */
function copyGenerated() {
  const target = join(root, "dist/types/wasm/ts/generated");
  mkdirSync(target, { recursive: true });
  for (const file of generated) copyFileSync(join(root, "wasm/ts/generated", file), join(target, file));
}
