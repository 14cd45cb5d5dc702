// Runs a program whose output is shown as it comes and kept in a log, whole when the program has ended: it is searched then.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { finished } from "node:stream/promises";
import { Failure } from "./failure.mjs";
import { root } from "./root.mjs";

/** Resolves when `program` exits with 0 and the file `log` holds all that it printed, else throws a `Failure`. */
export async function stream(program, args, log) {
  mkdirSync(dirname(log), { recursive: true });
  const copy = createWriteStream(log);
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
  await finished(copy);
  if (code !== 0) throw new Failure(`${program} ended with ${signal ?? `exit code ${code}`}.`);
}

async function ended(child, program) {
  try {
    return await once(child, "close");
  } catch (error) {
    throw new Failure(`${program} cannot be started: ${error.message}`);
  }
}
