// Sets up for a purpose, then gives the terminal to a program.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./root.mjs";

/** Ends this process if the set-up fails. */
export function setUpFor(purpose) {
  const script = join(root, "build", "setup.mjs");
  if (handOver(process.execPath, [script, `--for=${purpose}`]) !== 0) process.exit(1);
}

/** The program's exit code; 1 if it was ended by a signal, or could not be started. */
export function handOver(program, args) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: "inherit" });
  if (error) console.error(`${program} cannot be started: ${error.message}`);
  return status ?? 1;
}
