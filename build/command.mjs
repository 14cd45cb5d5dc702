// Runs a program quietly, its output in a log file that is shown when it fails.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "./failure.mjs";
import { root } from "./root.mjs";

const linesShown = 60;

/** Runs `program` in the checkout; throws a `Failure` with the end of its output unless it exits 0. */
export function run(program, args, { env = {}, cwd = root } = {}) {
  const result = start(program, args, { env, cwd });
  if (result.error) throw new Failure(`${program} cannot be started: ${result.error.message}`);
  if (result.status === 0) return result.stdout;
  const output = `${result.stdout}${result.stderr}`;
  throw new Failure(
    `${[program, ...args].join(" ")}\nended with ${result.signal ?? `exit code ${result.status}`}; the end of its output ` +
      `(all of it is in ${keep(program, output)}):\n\n${output.trimEnd().split("\n").slice(-linesShown).join("\n")}`,
  );
}

/** What `program` prints, or undefined when it cannot be run or fails. */
export function outputOf(program, args) {
  const result = start(program, args, { env: {}, cwd: root });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

function start(program, args, { env, cwd }) {
  return spawnSync(program, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function keep(program, output) {
  const folder = join(root, "target", "setup");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${program.split("/").pop()}.log`);
  writeFileSync(path, output);
  return path;
}
