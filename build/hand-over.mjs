// Sets up for a purpose, then gives the terminal to a program and takes its exit code.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./root.mjs";

export function setUpFor(purpose) {
  const { status } = inTerminal(process.execPath, [join(root, "build", "setup.mjs"), `--for=${purpose}`]);
  if (status !== 0) process.exit(1);
}

export function handOver(program, args) {
  const { status, error } = inTerminal(program, args);
  if (error) console.error(`${program} cannot be started: ${error.message}`);
  process.exitCode = status ?? 1;
}

function inTerminal(program, args) {
  return spawnSync(program, args, { cwd: root, stdio: "inherit" });
}
