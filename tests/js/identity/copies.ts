// The copies of @azure/identity that an application may have loaded: ES modules, CommonJS, bundled and minified.
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { pathToFileURL } from "node:url";
import { build, type Format } from "esbuild";

export type Identity = typeof import("@azure/identity");

const require = createRequire(import.meta.url);
const folder = mkdtempSync(join(tmpdir(), "copies-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** The newest runs on Node 22 and later. */
const packages =
  Number(process.versions.node.split(".")[0]) >= 22
    ? ["@azure/identity", "identity-newest"]
    : ["@azure/identity"];

/** Each with a name for the test's title. */
export const copies: { name: string; identity: Identity }[] = [];
for (const name of packages) {
  copies.push({ name: `${name}, ES module`, identity: (await import(name)) as Identity });
  copies.push({ name: `${name}, CommonJS`, identity: require(name) as Identity });
  for (const format of ["esm", "cjs"] as const) {
    copies.push({ name: `${name}, minified, ${format}`, identity: await minified(name, format) });
  }
}

async function minified(name: string, format: Format): Promise<Identity> {
  const outfile = join(folder, `${name.replaceAll("/", "-")}.${format === "cjs" ? "cjs" : "mjs"}`);
  await build({
    stdin: { contents: `export * from ${JSON.stringify(name)}`, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    platform: "node",
    format,
    outfile,
    logLevel: "error",
    // What is left of CommonJS in an ES module asks for it.
    ...(format === "esm"
      ? { banner: { js: 'import{createRequire as r}from"node:module";var require=r(import.meta.url);' } }
      : {}),
  });
  return (await import(pathToFileURL(outfile).href)) as Identity;
}
