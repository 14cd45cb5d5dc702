// Runs a program whose output is shown as it comes and kept under target/test-logs, where the leak search reads it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "./failure.mjs";
import { root } from "./root.mjs";

/** Resolves when `program` exits with 0, else throws a `Failure`. */
export async function stream(program, args, log) {
  const folder = join(root, "target", "test-logs");
  mkdirSync(folder, { recursive: true });
  const copy = createWriteStream(join(folder, `${log}.log`));
  const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ]) {
    from.on("data", (bytes) => {
      to.write(bytes);
      copy.write(bytes);
    });
  }
  const [code, signal] = await ended(child, program);
  copy.end();
  if (code !== 0) throw new Failure(`${program} ended with ${signal ?? `exit code ${code}`}.`);
}

async function ended(child, program) {
  try {
    return await once(child, "close");
  } catch (error) {
    throw new Failure(`${program} cannot be started: ${error.message}`);
  }
}
