// Runs a program to its end. What it prints is searched for tokens here: it does not come into the log of the tests.
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
  /** After which it is ended. */
  readonly timeout?: number;
  /** Whether it is asked for tokens: on standard output, and never on standard error. */
  readonly printsTokens?: boolean;
}

export function run(program: string, args: readonly string[], options: RunOptions): Running {
  const { printsTokens = false, ...others } = options;
  const child = spawn(program, args, { ...others, stdio: ["ignore", "pipe", "pipe"] });
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
  const command = [program, ...args].join(" ");
  return { child, ended: ended.then((run) => searched(run, command, printsTokens)) };
}

/** What a program prints that exits with 0. */
export async function printedBy(
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, options).ended;
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} exited with ${code}: ${stderr}`);
  return stdout;
}

function searched(run: Run, command: string, printsTokens: boolean): Run {
  assertNoToken(run.stderr, `standard error of ${command}`);
  if (!printsTokens) assertNoToken(run.stdout, `standard output of ${command}`);
  return run;
}
