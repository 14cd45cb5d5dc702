// What azure-token-cache/register adds to the start of a program that does not use @azure/identity; whole processes.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { report } from "../child.mjs";
import { median } from "../interleave.mjs";

const warmUps = 3;
const rounds = 31;
const register = ["--import", "azure-token-cache/register"];
/** What of it is Node's own: the flag, and a file. */
const nothing = ["--import", programNamed("empty.mjs")];

const subjects = {};
for (const name of ["empty.mjs", "empty.cjs"]) {
  const path = programNamed(name);
  subjects[name] = [path];
  subjects[`${name}, nothing`] = [...nothing, path];
  subjects[`${name}, register`] = [...register, path];
}

const samples = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
for (let round = -warmUps; round < rounds; round += 1)
  for (const [name, args] of turned(Object.entries(subjects), round)) {
    const ms = start(args);
    if (round >= 0) samples[name].push(ms);
  }

report({
  values: {
    "register.start": median(
      samples["empty.mjs, register"].map((ms, round) => ms / samples["empty.mjs"][round]),
    ),
  },
  table: {
    title: "Milliseconds that --import adds to the start of a program",
    cells: {
      "an empty ES module": median(samples["empty.mjs"]),
      "the same, --import of an empty file, added": added("empty.mjs", "nothing"),
      "the same, --import azure-token-cache/register, added": added("empty.mjs", "register"),
      "an empty CommonJS program": median(samples["empty.cjs"]),
      "the same, of an empty file, added": added("empty.cjs", "nothing"),
      "the same, azure-token-cache/register, added": added("empty.cjs", "register"),
    },
  },
});

function added(name, what) {
  return median(samples[`${name}, ${what}`].map((ms, round) => ms - samples[name][round]));
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
