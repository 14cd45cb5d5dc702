// What importing the package and wrapping a credential once adds to the start of an empty program; whole processes.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { report } from "../child.mjs";
import { median } from "../interleave.mjs";

const warmUps = 5;
const pairs = 41;
const programs = {
  empty: programNamed("empty.mjs"),
  wrap: programNamed("wrap.mjs"),
  call: programNamed("call.mjs"),
};

const samples = { empty: [], wrap: [], call: [] };
for (let round = -warmUps; round < pairs; round += 1)
  for (const [name, path] of turned(Object.entries(programs), round)) {
    const ms = start(path);
    if (round >= 0) samples[name].push(ms);
  }

report({
  values: { "start.added": added("wrap") },
  table: {
    title: "Milliseconds from start to end of a process",
    cells: {
      "an empty ESM program": median(samples.empty),
      "import and wrap, added": added("wrap"),
      "import, wrap and the first call, added": added("call"),
    },
  },
});

function added(name) {
  return median(samples[name].map((ms, round) => ms - samples.empty[round]));
}

function start(path) {
  const began = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [path], { stdio: ["ignore", "ignore", "pipe"] });
  const ms = performance.now() - began;
  if (status !== 0) throw new Error(`${path} ended with ${status}: ${stderr}`);
  return ms;
}

function turned(list, round) {
  const by = Math.abs(round) % list.length;
  return [...list.slice(by), ...list.slice(0, by)];
}

function programNamed(name) {
  return fileURLToPath(new URL(`../programs/${name}`, import.meta.url));
}
