// Mutation tests of the decisions: every mutant that no test kills must be listed, with its reason, in tests/mutants.txt.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { outputOf, run } from "./command.mjs";
import { handOver } from "./hand-over.mjs";
import { root } from "./root.mjs";

const version = "27.1.0";
const output = join(root, "target", "mutants");
const files = ["core/src/entry.rs", "core/src/cache.rs"];

installCargoMutants();
testMutants();
const unlisted = survivors().filter((mutant) => !listed().has(mutant));
for (const mutant of unlisted) console.error(`survives, and tests/mutants.txt has no reason: ${mutant}`);
const stale = [...listed().keys()].filter((mutant) => !survivors().includes(mutant));
for (const mutant of stale) console.error(`is in tests/mutants.txt, and no longer survives: ${mutant}`);
console.log(`${survivors().length} survivors, ${unlisted.length} of them without a reason.`);
process.exit(unlisted.length + stale.length > 0 ? 1 : 0);

function installCargoMutants() {
  if (outputOf("cargo", ["mutants", "--version"])?.endsWith(version)) return;
  console.log(`Installs cargo-mutants ${version} ...`);
  run("cargo", ["install", "--locked", `cargo-mutants@${version}`]);
}

/** The model and vector tests are in another package, so both packages' tests run for each mutant. */
function testMutants() {
  const packages = ["azure-token-cache-core", "azure-token-cache-tests"];
  const selected = files.flatMap((file) => ["--file", file]);
  const tested = packages.flatMap((name) => ["--test-package", name]);
  handOver("cargo", ["mutants", "--output", output, "--jobs", "2", ...selected, ...tested]);
}

/** One mutant a line, in the words of cargo-mutants without the line numbers, which change with every edit. */
function survivors() {
  const folder = join(output, "mutants.out");
  return ["missed.txt", "timeout.txt"].flatMap((name) => linesOf(join(folder, name))).map(withoutPosition);
}

function listed() {
  const entries = linesOf(join(root, "tests", "mutants.txt")).map((line) => line.split(" -- "));
  return new Map(
    entries.map(([mutant, reason]) => [mutant.trim(), reason]).filter(([, reason]) => reason?.trim()),
  );
}

function linesOf(path) {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));
}

function withoutPosition(mutant) {
  return mutant.replace(/:\d+:\d+:/, ":");
}
