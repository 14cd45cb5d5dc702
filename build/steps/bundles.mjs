// Step: one ES module per entry point, in dist/.
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { entries } from "../entries.mjs";
import { Failure } from "../failure.mjs";
import { root } from "../root.mjs";

const dist = join(root, "dist");

export const bundles = {
  name: "bundles",
  says: "bundles one file per entry point",
  inputs: [
    "package-lock.json",
    "wasm/ts",
    "wasm/ts/generated",
    "node/ts",
    "build/entries.mjs",
    "build/steps/bundles.mjs",
  ],
  outputs: () => entries.map(({ file }) => `dist/${file}`),
  async run() {
    const { build } = await import("esbuild");
    mkdirSync(dist, { recursive: true });
    for (const entry of entries) await bundle(build, entry);
  },
};

async function bundle(build, { file, source, platform }) {
  const result = await build({
    entryPoints: [join(root, source)],
    absWorkingDir: root,
    outfile: join(dist, file),
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    platform,
    packages: "external",
    // A millisecond less at the start of every program; short lines stay, for stack traces.
    minify: true,
    lineLimit: 120,
    legalComments: "none",
    charset: "utf8",
    logLevel: "silent",
    plugins: [separateFiles],
  }).catch((error) => {
    throw new Failure(error.message);
  });
  // Renamed into place: a program that is starting reads the old file or the new one.
  const fresh = join(dist, `${file}.${process.pid}`);
  writeFileSync(fresh, result.outputFiles[0].contents);
  renameSync(fresh, join(dist, file));
}

/** What stays outside a bundle: the late entries, and the wasm file that workerd imports as a module. */
const separateFiles = {
  name: "separate files",
  setup(build) {
    build.onResolve({ filter: /\.wasm$/ }, () => ({ path: "./core.wasm", external: true }));
    build.onResolve({ filter: /^\./ }, ({ path, resolveDir, kind }) => {
      const late = entries.find(
        (entry) => entry.late && join(root, entry.source) === resolve(resolveDir, path),
      );
      if (late === undefined || kind === "entry-point") return undefined;
      if (kind !== "dynamic-import")
        return { errors: [{ text: `${late.source} is loaded late: import() it` }] };
      return { path: `./${late.file}`, external: true };
    });
  },
};
