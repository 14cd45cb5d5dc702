// Mutation tests of the decisions: every mutant that no test kills must be listed, with its reason, in tests/mutants.txt.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { outputOf, run } from "./command.mjs";
import { Failure } from "./failure.mjs";
import { handOver } from "./hand-over.mjs";
import { root } from "./root.mjs";

const version = "27.1.0";
const output = join(root, "target", "mutants");
const files = ["core/src/entry.rs", "core/src/cache.rs", "core/src/walk.rs"];

/** The tests of these files: core's own, and the model and the vectors of the tests package. */
const packages = ["azure-token-cache-core", "azure-token-cache-tests"];
const tests = ["--lib", "--test", "cache", "--test", "walk", "--test", "model", "--test", "vectors"];

/** The exit codes of a run that went through: all caught, some missed, some timed out. */
const ranThrough = [0, 2, 3];

installCargoMutants();
testMutants();
process.exit(report());

function installCargoMutants() {
  if (outputOf("cargo", ["mutants", "--version"])?.endsWith(version)) return;
  console.log(`Installs cargo-mutants ${version} ...`);
  run("cargo", ["install", "--locked", `cargo-mutants@${version}`]);
}

/** The baseline of cargo-mutants knows only the mutated package, so the tests are first run here. */
function testMutants() {
  run("cargo", ["test", "--locked", ...packages.flatMap((name) => ["--package", name]), ...tests]);
  const code = handOver("cargo", [
    ...["mutants", "--output", output, "--jobs", "2", "--baseline", "skip", "--timeout", "120"],
    ...files.flatMap((file) => ["--file", file]),
    ...packages.flatMap((name) => ["--test-package", name]),
    ...["--", ...tests],
  ]);
  if (!ranThrough.includes(code)) throw new Failure(`cargo mutants ended with exit code ${code}.`);
}

/** The exit code: 1 if a survivor has no reason, or a reason no survivor. */
function report() {
  const [found, known] = [survivors(), listed()];
  const unlisted = found.filter((mutant) => !known.has(mutant));
  const stale = [...known.keys()].filter((mutant) => !found.includes(mutant));
  for (const mutant of unlisted) console.error(`survives, and tests/mutants.txt has no reason: ${mutant}`);
  for (const mutant of stale) console.error(`is in tests/mutants.txt, and no longer survives: ${mutant}`);
  console.log(`${found.length} survivors, ${unlisted.length} of them without a reason.`);
  return unlisted.length + stale.length > 0 ? 1 : 0;
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
