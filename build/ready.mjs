// Everything that CI checks, cheapest first: format, lints, types, import order, Rust tests, JavaScript tests.

import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { findLeaksIn } from "../tests/leaks/search.mjs";
import { checkImports } from "./check-imports.mjs";
import { run } from "./command.mjs";
import { Failure } from "./failure.mjs";
import { inNamespace } from "./namespace.mjs";
import { root } from "./root.mjs";
import { nodeBinary } from "./steps/nodes.mjs";
import { checkingFor, otherSystems } from "./steps/other-systems.mjs";
import { wasmCheck } from "./steps/wasm-target.mjs";
import { stream } from "./stream.mjs";

const biome = join(root, "node_modules", "@biomejs", "cli-linux-x64", "biome");
const tool = (path, ...args) => run(process.execPath, [join(root, "node_modules", path), ...args]);

/** What the tests printed, where it is searched for tokens. */
const logs = join(root, "target", "test-logs");

/** Majors that the whole JavaScript test suite runs under: the oldest that is supported and the newest with long support. */
const testedMajors = [20, 24];

/** A test that hangs is ended and named, long before CI's own limit; no test comes near this. */
const hangLimit = "--test-timeout=600000";

const checks = [
  { name: "biome", check: () => run(biome, ["check", "--error-on-warnings", "."]) },
  { name: "rustfmt", check: () => run("cargo", ["fmt", "--all", "--check"]) },
  { name: "imports", check: () => checkImports(root) },
  { name: "types", check: checkTypes },
  { name: "clippy", check: checkWithClippy },
  { name: "core without std", check: checkCoreForWasm },
  ...otherSystems.map((triple) => ({ name: `check for ${triple}`, check: () => checkFor(triple) })),
  {
    name: "cargo test",
    check: () => {
      const args = ["test", "--locked", "--workspace", "--all-features", "--no-fail-fast"];
      return stream("cargo", args, join(logs, "cargo-test.log"));
    },
  },
  ...testedMajors.map((major) => ({ name: `tests under Node ${major}`, check: () => testUnder(major) })),
  { name: "no token in what the tests printed", check: searchForLeaks },
];

const { values, positionals } = parseArgs({ allowPositionals: true, options: { only: { type: "string" } } });
for (const { name, check } of checks)
  if (values.only === undefined || name.includes(values.only)) await perform(name, check);

async function perform(name, check) {
  const began = performance.now();
  console.log(`\n== ${name}`);
  try {
    await check();
  } catch (error) {
    console.error(error instanceof Failure ? `${error.message}\n\n${name}: failed` : error);
    process.exit(1);
  }
  console.log(`${name}: passed in ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

function checkTypes() {
  for (const project of ["wasm/tsconfig.json", "tests/tsconfig.json"])
    tool("typescript/bin/tsc", "--project", project);
  tool("typescript/bin/tsc", "--project", "tsconfig.json", "--noEmit", "--emitDeclarationOnly", "false");
}

/** With every feature; then each crate whose features are left out in what ships, alone. */
function checkWithClippy() {
  const clippy = ["clippy", "--locked"];
  const denyWarnings = ["--", "--deny", "warnings"];
  // Not --all-targets, which takes in the tests of a crate that says it has none.
  run("cargo", [...clippy, "--workspace", "--lib", "--bins", "--tests", "--all-features", ...denyWarnings]);
  for (const crate of ["core", "wasm", "node"]) {
    run("cargo", [...clippy, "--package", `azure-token-cache-${crate}`, "--lib", ...denyWarnings]);
  }
}

/** What has code of its own for each system. */
function checkFor(triple) {
  const { args, env } = checkingFor(triple);
  const packages = ["host", "node", "cli"].flatMap((name) => ["--package", `azure-token-cache-${name}`]);
  run("cargo", ["check", "--locked", ...packages, "--all-features", ...args], { env });
}

function checkCoreForWasm() {
  const { args, env } = wasmCheck();
  run("cargo", ["check", "--locked", "--package", "azure-token-cache-core", "--lib", ...args], { env });
}

/** In a network namespace of its own: a test that leaves the machine fails, and nothing waits for a metadata service. */
async function testUnder(major) {
  const files = positionals.length > 0 ? positionals : testFiles();
  if (files.length === 0) throw new Failure("There is no tests/js/**/*.test.ts.");
  const runner = [nodeBinary(major), "--import", "tsx", "--test", "--test-reporter=spec", hangLimit];
  const [program, ...args] = inNamespace([...runner, ...files]);
  await stream(program, args, join(logs, `node-${major}.log`));
}

function searchForLeaks() {
  const leaks = findLeaksIn(logs);
  if (leaks.length > 0)
    throw new Failure(
      leaks
        .map(({ file, name, at }) => `${relative(root, file)}: a token (${name}) at byte ${at}`)
        .join("\n"),
    );
}

function testFiles() {
  return readdirSync(join(root, "tests/js"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".test.ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}
