// Step: the declarations of the library, in dist/types.
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { run } from "../command.mjs";
import { root } from "../root.mjs";

/** tsc emits no copy of declarations that it only reads. */
const generated = ["engine.d.ts", "az.d.ts"];
const published = join(root, "dist", "types");

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
    mkdirSync(join(root, "dist"), { recursive: true });
    const work = mkdtempSync(join(root, "target", "types-"));
    try {
      const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
      run(process.execPath, [tsc, "--project", "tsconfig.json", "--outDir", work]);
      copyGenerated(work);
      for (const path of declarationsIn(work)) nameJavaScript(path);
      publish(work);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  },
};

function copyGenerated(work) {
  const folder = join("wasm", "ts", "generated");
  mkdirSync(join(work, folder), { recursive: true });
  for (const file of generated) copyFileSync(join(root, folder, file), join(work, folder, file));
}

const declarationsIn = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".d.ts"))
    .map((entry) => join(entry.parentPath, entry.name));

/** tsc keeps the sources' `./x.ts` in declarations; every resolver of a consumer knows `./x.js`. */
function nameJavaScript(path) {
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace(/((?:from|import)\s*\(?\s*"\.[^"]*)\.ts"/g, '$1.js"'));
}

/** As a whole, so that no declaration of a source that is gone stays behind. */
function publish(work) {
  const old = `${work}-old`;
  rmSync(old, { recursive: true, force: true });
  renameIfPresent(published, old);
  renameSync(work, published);
  rmSync(old, { recursive: true, force: true });
}

function renameIfPresent(from, to) {
  try {
    renameSync(from, to);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
}
