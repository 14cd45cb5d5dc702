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
      console.log(await runUnlessDone(step));
    } catch (error) {
      console.log("failed");
      console.error(error instanceof Failure ? `\n${error.message}` : error);
      process.exit(1);
    }
  }
  console.log(`Set up in ${seconds(began)}.`);
}

async function runUnlessDone(step) {
  const began = performance.now();
  if (step.inputs === undefined) {
    await step.run();
    return seconds(began);
  }
  const digest = digestOf(step);
  if (isDone(step, digest)) return "up to date";
  rmSync(stampOf(step), { force: true });
  await step.run();
  mkdirSync(dirname(stampOf(step)), { recursive: true });
  writeFileSync(stampOf(step), digest);
  return seconds(began);
}

function isDone(step, digest) {
  const stamp = stampOf(step);
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== digest) return false;
  return (step.outputs?.() ?? []).every((path) => existsSync(join(root, path)));
}

/** Over contents, not times: a fresh clone with a kept target folder is up to date. */
function digestOf(step) {
  const hash = createHash("sha256");
  for (const text of [process.platform, process.arch, ...(step.also?.() ?? [])]) hash.update(`${text}\0`);
  for (const input of step.inputs) {
    for (const path of filesUnder(join(root, input))) {
      hash
        .update(`${relative(root, path)}\0`)
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

const stampOf = (step) => join(root, "target", "setup", `${step.name}.stamp`);

const seconds = (began) => `${((performance.now() - began) / 1000).toFixed(1)} s`;
