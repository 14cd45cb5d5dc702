// 64 processes that start at once and find no token: one az, one fetch, and how long after it the last of them has its answer.
import { spawn } from "node:child_process";
import { azUser, program } from "../az-user.mjs";
import { report } from "../child.mjs";
import { median } from "../interleave.mjs";

const processes = 64;
const rounds = 3;

const user = await azUser({ vault: "key-file" });
const crowds = { "get-token": byHand, shim: throughShim };
const runs = { "get-token": [], shim: [] };
for (let round = 0; round < rounds; round += 1)
  // A resource that az has not been asked for: its own cache has no token either.
  for (const [name, command] of Object.entries(crowds))
    runs[name].push(await crowd(command, `https://${name}-${round}.example`));
await user.end();

/** Of all crowds: the promise is made to each of them. */
const worst = (part) =>
  Math.max(...Object.values(runs).flatMap((ofCommand) => ofCommand.map((run) => run[part])));

report({
  values: {
    "machine.fetches": worst("fetches"),
    "machine.starts": worst("starts"),
    "machine.last": worst("lastMs"),
  },
  table: {
    title: `Milliseconds of ${processes} processes that start at once and find no token`,
    cells: Object.fromEntries(Object.entries(runs).flatMap(cellsOf)),
  },
});

function cellsOf([name, ofCommand]) {
  const ms = (part) => median(ofCommand.map((run) => run[part]));
  return [
    [`${name}: from the first start to the end of the fetch`, ms("fetchMs")],
    [`${name}: from there to the first answer`, ms("firstMs")],
    [`${name}: from there to the last answer`, ms("lastMs")],
    [`${name}: the same, of the slowest crowd`, Math.max(...ofCommand.map((run) => run.lastMs))],
  ];
}

function byHand(resource) {
  return [program, "get-token", "--resource", resource];
}

function throughShim(resource) {
  return [user.shim, "account", "get-access-token", "-o", "json", "--resource", resource];
}

/** The fetch returns when the stand-in lets its answer go: what az itself does with it is in the numbers. */
async function crowd(command, resource) {
  const hold = user.entra.control.hold({ resource });
  const startsBefore = await user.starts();
  const began = performance.now();
  const ends = Array.from({ length: processes }, () => end(command(resource)));
  await hold.arrived(1);
  const fetched = performance.now();
  hold.release();
  const endedAt = await Promise.all(ends);
  return {
    fetches: user.entra.requests().byResource[resource] ?? 0,
    starts: (await user.starts()) - startsBefore,
    fetchMs: fetched - began,
    firstMs: Math.min(...endedAt) - fetched,
    lastMs: Math.max(...endedAt) - fetched,
  };
}

/** When the process has ended, with a token. */
function end([path, ...args]) {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { env: user.env, stdio: ["ignore", "pipe", "inherit"] });
    let said = 0;
    child.stdout.on("data", ({ length }) => {
      said += length;
    });
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 && said > 0 ? resolve(performance.now()) : reject(new Error(`a process ended with ${code}`)),
    );
  });
}
