// What azure-token-cache/register adds to the start of a program that does not use @azure/identity; whole processes.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { report } from "../child.mjs";
import { median } from "../interleave.mjs";

const warmUps = 3;
const rounds = 31;
/** So many in one program: what each adds is a hundredth of a millisecond. */
const modules = 400;

const ways = {
  alone: [],
  /** What of it is Node's own: the flag, and a file. */
  nothing: ["--import", programNamed("empty.mjs")],
  register: ["--import", "azure-token-cache/register"],
};
const folder = mkdtempSync(join(tmpdir(), "bench-register-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const programs = {
  esm: programNamed("empty.mjs"),
  cjs: programNamed("empty.cjs"),
  manyEsm: programOfModules("mjs", (name) => `import "./${name}";`),
  manyCjs: programOfModules("cjs", (name) => `require("./${name}");`),
};

const runs = Object.keys(programs).flatMap((program) =>
  Object.keys(ways).map((way) => ({ program, way, ms: [] })),
);
for (let round = -warmUps; round < rounds; round += 1)
  for (const { program, way, ms } of turned(runs, round)) {
    const took = start([...ways[way], programs[program]]);
    if (round >= 0) ms.push(took);
  }

report({
  values: {
    "register.start": beside("esm", "alone"),
    "register.startCjs": beside("cjs", "nothing"),
    "register.module": Math.max(ofEachModule("manyEsm", "esm"), ofEachModule("manyCjs", "cjs")),
  },
  table: {
    title: "Milliseconds that --import adds to the start of a program",
    cells: {
      "an empty ES module": median(msOf("esm", "alone")),
      "the same, --import of an empty file, added": added("esm", "nothing"),
      "the same, --import azure-token-cache/register, added": added("esm", "register"),
      "an empty CommonJS program": median(msOf("cjs", "alone")),
      "the same, of an empty file, added": added("cjs", "nothing"),
      "the same, azure-token-cache/register, added": added("cjs", "register"),
      [`a program of ${modules} ES modules`]: median(msOf("manyEsm", "alone")),
      "the same ES modules, azure-token-cache/register, added": added("manyEsm", "register"),
      [`a program of ${modules} CommonJS modules`]: median(msOf("manyCjs", "alone")),
      "the same CommonJS modules, azure-token-cache/register, added": added("manyCjs", "register"),
    },
  },
});

/** A start under register beside one in another way. */
function beside(program, way) {
  const others = msOf(program, way);
  return median(msOf(program, "register").map((ms, round) => ms / others[round]));
}

function added(program, way) {
  const alone = msOf(program, "alone");
  return median(msOf(program, way).map((ms, round) => ms - alone[round]));
}

/**
 * In microseconds, what register adds beyond what it adds to the empty program; by the best starts, which nothing else on the
 * machine has held up: what is looked for is less than what starts differ by.
 */
function ofEachModule(many, empty) {
  const least = (program) => Math.min(...msOf(program, "register")) - Math.min(...msOf(program, "alone"));
  return ((least(many) - least(empty)) * 1000) / modules;
}

function msOf(program, way) {
  return runs.find((run) => run.program === program && run.way === way).ms;
}

/** The path of a program that loads so many modules. */
function programOfModules(extension, load) {
  const names = Array.from({ length: modules }, (_, number) => `${number}.${extension}`);
  for (const name of names) writeFileSync(join(folder, name), "");
  const path = join(folder, `all.${extension}`);
  writeFileSync(path, names.map(load).join("\n"));
  return path;
}

function start(args) {
  const began = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  const ms = performance.now() - began;
  if (status !== 0) throw new Error(`node ${args.join(" ")} ended with ${status}: ${stderr}`);
  return ms;
}

function turned(list, round) {
  const by = Math.abs(round) % list.length;
  return [...list.slice(by), ...list.slice(0, by)];
}

function programNamed(name) {
  return fileURLToPath(new URL(`../programs/${name}`, import.meta.url));
}
