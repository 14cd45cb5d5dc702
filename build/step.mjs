// Runs set-up steps: says what each does, skips one whose inputs are unchanged, times it, stops at the first failure.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Failure } from "./failure.mjs";
import { root } from "./root.mjs";

/**
 * A step: `name`, `says` (one line), `run()`, and, unless it is to run every time, what it depends on: `inputs` (files
 * and folders), `also` (further strings) and `outputs` (files that must exist).
 *
 * @typedef {{ name: string, says: string, run: () => unknown, inputs?: string[], also?: () => string[], outputs?: () => string[] }} Step
 */

/** @param {Step[]} steps */
export async function runSteps(steps) {
  const began = performance.now();
  for (const [index, step] of steps.entries()) {
    process.stdout.write(`[${index + 1}/${steps.length}] ${step.name}: ${step.says} ... `);
    try {
      console.log(await runUnlessDone(step, root));
    } catch (error) {
      console.log("failed");
      console.error(error instanceof Failure ? `\n${error.message}` : error);
      process.exit(1);
    }
  }
  console.log(`Set up in ${seconds(began)}.`);
}

/** Runs one step of the checkout in `folder`, and says how long it took, or that there was nothing to do. */
export async function runUnlessDone(step, folder) {
  const began = performance.now();
  if (step.inputs === undefined) {
    await step.run();
    return seconds(began);
  }
  const digest = digestOf(step, folder);
  if (isDone(step, folder, digest)) return "up to date";
  const stamp = stampOf(step, folder);
  rmSync(stamp, { force: true });
  await step.run();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, digest);
  return seconds(began);
}

function isDone(step, folder, digest) {
  const stamp = stampOf(step, folder);
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== digest) return false;
  return (step.outputs?.() ?? []).every((path) => existsSync(join(folder, path)));
}

/** Over contents, not times: a fresh clone with a kept target folder is up to date. */
function digestOf(step, folder) {
  const hash = createHash("sha256");
  for (const text of [process.platform, process.arch, ...(step.also?.() ?? [])]) hash.update(`${text}\0`);
  for (const input of step.inputs) {
    for (const path of filesUnder(join(folder, input))) {
      hash
        .update(`${relative(folder, path)}\0`)
        .update(readFileSync(path))
        .update("\0");
    }
  }
  return hash.digest("hex");
}

function* filesUnder(path) {
  const entry = statSync(path, { throwIfNoEntry: false });
  if (entry?.isFile()) yield path;
  if (!entry?.isDirectory()) return;
  for (const name of readdirSync(path).sort()) {
    if (name !== "generated" && name !== "__pycache__") yield* filesUnder(join(path, name));
  }
}

const stampOf = (step, folder) => join(folder, "target", "setup", `${step.name}.stamp`);

const seconds = (began) => `${((performance.now() - began) / 1000).toFixed(1)} s`;
