// Runs a program to its end. What it says on standard error is searched for tokens: it is kept from the log of the tests.
import { type ChildProcess, spawn } from "node:child_process";
import { assertNoToken } from "../leaks/search.mjs";

/** What a program printed, and its exit code. */
export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs, and what becomes of it. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Run>;
}

export interface RunOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export function run(program: string, args: readonly string[], options: RunOptions): Running {
  const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const texts = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      texts[stream] += text;
    });
  }
  const ended = new Promise<Run>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, ...texts }));
  });
  return { child, ended: ended.then((run) => searched(run, [program, ...args])) };
}

function searched(run: Run, [program, ...args]: readonly string[]): Run {
  assertNoToken(run.stderr, `standard error of ${program} ${args.join(" ")}`);
  return run;
}
