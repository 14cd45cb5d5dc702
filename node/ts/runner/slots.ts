// At most so many az at once in this process, whichever copy of this module started them; the others wait in line.
import type { AbortSignalLike } from "../../../wasm/ts/credential.ts";
import { AbortError } from "../errors.ts";

/** What the copies of this module share. */
interface Line {
  running: number;
  readonly waiting: Set<() => void>;
}

/** Eight az at once take seven times as long as two. */
const usualSlots = 2;
const key = Symbol.for("azure-token-cache.az-processes");

/** Waits for a slot and returns what gives it back. An abort leaves the line with an `AbortError`. */
export async function takeSlot(signal: AbortSignalLike | undefined): Promise<() => void> {
  const line = sharedLine();
  if (line.running >= slots()) await turnOf(line, signal);
  else line.running += 1;
  let given = false;
  return () => {
    if (given) return;
    given = true;
    giveBack(line);
  };
}

/** The slot passes from hand to hand: `running` does not change when someone was waiting. */
function giveBack(line: Line): void {
  for (const next of line.waiting) {
    line.waiting.delete(next);
    next();
    return;
  }
  line.running -= 1;
}

function turnOf(line: Line, signal: AbortSignalLike | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = () => {
      signal?.removeEventListener("abort", leave);
      resolve();
    };
    const leave = () => {
      line.waiting.delete(next);
      reject(new AbortError(signal));
    };
    line.waiting.add(next);
    signal?.addEventListener("abort", leave);
  });
}

function slots(): number {
  const configured = Number(process.env["AZURE_TOKEN_CACHE_AZ_PROCESSES"]);
  return Number.isInteger(configured) && configured > 0 ? configured : usualSlots;
}

function sharedLine(): Line {
  const shared = globalThis as { [key]?: Line };
  shared[key] ??= { running: 0, waiting: new Set() };
  return shared[key];
}
