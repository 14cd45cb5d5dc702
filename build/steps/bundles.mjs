// Step: one ES module per entry point, in dist/.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { entries } from "../entries.mjs";
import { Failure } from "../failure.mjs";
import { root } from "../root.mjs";

const dist = join(root, "dist");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

export const bundles = {
  name: "bundles",
  says: "bundles one file per entry point",
  inputs: [
    "package.json",
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

async function bundle(build, entry) {
  const { file, source, platform, format = "esm", variant } = entry;
  const result = await build({
    entryPoints: [join(root, source)],
    absWorkingDir: root,
    outfile: join(dist, file),
    bundle: true,
    write: false,
    format,
    target: "es2022",
    platform,
    define: { PACKAGE_VERSION: JSON.stringify(version) },
    packages: "external",
    // A millisecond less at the start of every program; short lines stay, for stack traces.
    minify: true,
    lineLimit: 120,
    legalComments: "none",
    charset: "utf8",
    loader: { ".lua": "text" },
    logLevel: "silent",
    plugins: [separateFiles(entry), ...(variant === undefined ? [] : [filesOf(variant)])],
  }).catch((error) => {
    throw new Failure(error.message);
  });
  // Renamed into place: a program that is starting reads the old file or the new one.
  const fresh = join(dist, `${file}.${process.pid}`);
  writeFileSync(fresh, result.outputFiles[0].contents);
  renameSync(fresh, join(dist, file));
}

/** What stays outside a bundle: the late entries, and the wasm files that workerd imports as modules. */
const separateFiles = ({ variant }) => ({
  name: "separate files",
  setup(build) {
    build.onResolve({ filter: /\.wasm$/ }, ({ path }) => ({ path, external: true }));
    build.onResolve({ filter: /^\./ }, ({ path, resolveDir, kind }) => {
      const source = relative(root, resolve(resolveDir, path));
      const late = entries.filter((entry) => entry.late && entry.source === source);
      if (late.length === 0 || kind === "entry-point") return undefined;
      if (kind !== "dynamic-import") return { errors: [{ text: `${source} is loaded late: import() it` }] };
      const { file } = late.find((entry) => entry.variant === variant) ?? late[0];
      return { path: `./${file}`, external: true };
    });
  },
});

const filesOf = (variant) => ({
  name: `files of ${variant}`,
  setup(build) {
    build.onResolve({ filter: /^\..*\.ts$/ }, ({ path, resolveDir }) => {
      const instead = resolve(resolveDir, path.replace(/\.ts$/, `.${variant}.ts`));
      return existsSync(instead) ? { path: instead } : undefined;
    });
  },
});
