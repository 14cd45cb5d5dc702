// Fails on an import against the order core <- wasm/src <- wasm/ts <- node/ts, core <- host <- node/src <- node/ts, host <- cli.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { Failure } from "./failure.mjs";

/** Each crate, and the crates of this workspace that it may depend on. */
const crates = {
  core: [],
  wasm: ["core"],
  host: ["core"],
  node: ["core", "host"],
  cli: ["core", "host"],
  tests: ["core", "wasm", "host"],
};

/**
 * Each folder of TypeScript: the folders that it may import from, whether Node's modules exist there, and the packages of the
 * program that it may load by `import()` if they are there.
 */
const folders = {
  "wasm/ts": { from: ["wasm/ts"], node: false, late: ["@azure/logger"] },
  "node/ts": { from: ["node/ts", "wasm/ts"], node: true },
};

/** Throws a `Failure` that lists every import against the order. */
export function checkImports(root) {
  const violations = [...rustViolations(root), ...typeScriptViolations(root)];
  if (violations.length > 0) throw new Failure(`Imports against the order:\n${violations.join("\n")}`);
}

function* rustViolations(root) {
  for (const [crate, allowed] of Object.entries(crates)) {
    for (const { section, name } of workspaceDependencies(join(root, crate, "Cargo.toml"))) {
      if (name !== crate && !allowed.includes(name))
        yield `${crate}/Cargo.toml: ${section} has the crate ${name}`;
    }
    for (const path of filesUnder(join(root, crate), ".rs")) yield* filesOutside(root, crate, path);
  }
}

/** The dependencies on crates of this workspace; the tests of a crate may use what they like. */
function* workspaceDependencies(path) {
  let section = "";
  for (const line of existsSync(path) ? readFileSync(path, "utf8").split("\n") : []) {
    section = line.match(/^\[(.+)\]/)?.[1] ?? section;
    const name =
      line.match(/^"?azure-token-cache-([a-z-]+)/)?.[1] ??
      section.match(/\.azure-token-cache-([a-z-]+)$/)?.[1];
    if (name !== undefined && section.includes("dependencies") && !section.includes("dev-dependencies"))
      yield { section, name };
  }
}

/** `#[path]`, `include!` and their like reach other folders without naming a crate. */
function* filesOutside(root, crate, path) {
  if (crate === "tests") return;
  const pattern = /(?:#\[path\s*=\s*|include(?:_str|_bytes)?!\s*\(\s*)"([^"]+)"/g;
  for (const [, target] of readFileSync(path, "utf8").matchAll(pattern)) {
    if (!isWithin(join(root, crate), join(dirname(path), target)))
      yield `${relative(root, path)}: takes in ${target}`;
  }
}

function* typeScriptViolations(root) {
  for (const [folder, rule] of Object.entries(folders)) {
    for (const path of filesUnder(join(root, folder), ".ts")) {
      for (const { specifier, isLate } of importsOf(readFileSync(path, "utf8"))) {
        if (isLate && rule.late?.includes(specifier)) continue;
        if (!isAllowed(root, path, specifier, rule)) yield `${relative(root, path)}: imports ${specifier}`;
      }
    }
  }
}

function* importsOf(source) {
  const pattern = /(?:\bfrom|\bimport|\bimport\s*\(|\brequire\s*\()\s*["']([^"']+)["']/g;
  for (const [whole, specifier] of source.matchAll(pattern))
    yield { specifier, isLate: /^import\s*\(/.test(whole) };
}

/** The package has no dependencies: besides its own folders it may name itself and, for Node, Node's modules. */
function isAllowed(root, path, specifier, { from, node }) {
  if (specifier.endsWith(".wasm")) return true;
  if (specifier.startsWith("node:")) return node;
  if (!specifier.startsWith(".")) return /^azure-token-cache(\/|$)/.test(specifier);
  return from.some((folder) => isWithin(join(root, folder), join(dirname(path), specifier)));
}

const isWithin = (folder, path) => !relative(folder, path).startsWith(`..${sep}`);

function filesUnder(folder, extension) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes(`${sep}generated${sep}`));
}
