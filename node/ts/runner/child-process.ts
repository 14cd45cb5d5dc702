// Runs az over node:child_process, for platforms without the addon: same questions, same answers.
import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import type { AzFunctions } from "../../../wasm/ts/az.ts";
import type { AzFailure, AzRun, AzRunner, AzToken, StartedRun } from "./runner.ts";
import { batchArguments, isBatch, isSafeForBatch, systemProgram } from "./windows.ts";

// Not imported: an import in a file that is loaded late is loaded with the bundle all the same, 5 ms at every start.
const { spawn, spawnSync } = process.getBuiltinModule("node:child_process");
const { accessSync, constants, existsSync, statSync } = process.getBuiltinModule("node:fs");
const { constants: osConstants } = process.getBuiltinModule("node:os");
const { delimiter, isAbsolute, join } = process.getBuiltinModule("node:path");

/** How a run ended, in the words of core's `azToken`: an exit code, a signal, a limit or an error number with it. */
interface Ending {
  readonly kind:
    | "exit"
    | "signal"
    | "timedOut"
    | "outputTooLarge"
    | "notFound"
    | "notExecutable"
    | "notStarted";
  readonly detail: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** How often a run past its limit looks whether az has let go of its lock file. */
const lockLookMs = 25;
/** The longest that Node's timers wait. */
const longestTimerMs = 2 ** 31 - 1;

export function childProcessRunner(az: AzFunctions): AzRunner {
  const live = new Set<Process>();
  return {
    arguments(question) {
      const result = az.azArguments(
        [...question.scopes],
        question.configuredTenant,
        question.requestedTenant,
        [...question.allowedTenants],
        question.multiTenant,
        question.subscription,
        question.claims,
      ) as { arguments?: string[] } & AzFailure;
      return result.arguments ?? result;
    },
    start(run) {
      const process = new Process(run, az.azOutputBound());
      live.add(process);
      const ended = process.ended.then(() => void live.delete(process));
      return { answer: process.ending.then((ending) => read(az, run, ending)), ended } satisfies StartedRun;
    },
    stopAll(patienceMs) {
      for (const process of live) process.stop(patienceMs);
    },
  };
}

function read(
  az: AzFunctions,
  { zone }: AzRun,
  { stdout, stderr, kind, detail }: Ending,
): AzToken | AzFailure {
  return az.azToken(stdout, stderr, kind, detail, zone.before, zone.changesAt, zone.after, Date.now()) as
    | AzToken
    | AzFailure;
}

/** One process group: az and what it starts. */
class Process {
  readonly ending: Promise<Ending>;
  readonly ended: Promise<void>;
  readonly #run: AzRun;
  readonly #stdout: Collected;
  readonly #stderr: Collected;
  readonly #bound: number;
  #settle: (ending: Ending) => void = () => {};
  #finish: () => void = () => {};
  #child: ChildProcess | undefined;
  #guard: ChildProcess | undefined;

  constructor(run: AzRun, bound: number) {
    this.#run = run;
    this.#bound = bound;
    this.#stdout = new Collected(bound);
    this.#stderr = new Collected(bound);
    this.ending = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#start();
  }

  /** Ends the whole group before it returns. */
  stop(patienceMs: number): void {
    const last = performance.now() + patienceMs;
    const clock = new Int32Array(new SharedArrayBuffer(4));
    while (this.#holdsLock() && performance.now() < last) Atomics.wait(clock, 0, 0, lockLookMs);
    this.#kill();
    this.#guard?.kill("SIGKILL");
  }

  #start(): void {
    const found = findAz(this.#run.searchPath);
    const child = found.kind === "at" ? this.#spawn(found.path) : undefined;
    if (child === undefined) {
      this.#giveUp(found.kind === "notFound" ? "notFound" : "notExecutable");
      return;
    }
    child.once("error", (error: NodeJS.ErrnoException) => this.#refused(error));
    // Without an id there is no process, and the error is on its way.
    if (child.pid === undefined) return;
    this.#child = child;
    this.#attend(child);
  }

  #spawn(path: string): ChildProcess | undefined {
    const batch = isBatch(path);
    if (batch && !isSafeForBatch(path, this.#run.arguments)) return undefined;
    const [program, args] = batch
      ? [systemProgram(this.#run.environment, "cmd.exe"), batchArguments(path, this.#run.arguments)]
      : [path, this.#run.arguments];
    return spawn(program, args, {
      cwd: this.#run.folder,
      env: { ...this.#run.environment },
      stdio: ["ignore", "pipe", "pipe"],
      detached: process.platform !== "win32",
      windowsHide: true,
      windowsVerbatimArguments: batch,
    });
  }

  #attend(child: ChildProcess): void {
    for (const [stream, collected] of [
      [child.stdout, this.#stdout],
      [child.stderr, this.#stderr],
    ] as const) {
      stream?.on("data", (chunk: Uint8Array) => {
        if (collected.push(chunk)) this.#end("outputTooLarge", this.#bound);
      });
      stream?.on("error", () => {});
      (stream as Socket | null)?.unref();
    }
    child.unref();
    // In a turn of its own: a start of a process holds the event loop up for as long as it takes.
    setImmediate(() => {
      if (this.#child === child) this.#guard = guardOf(child, this.#run.graceMs);
    }).unref();
    const { limitMs } = this.#run;
    const limit = setTimeout(() => this.#end("timedOut", limitMs), Math.min(limitMs, longestTimerMs)).unref();
    child.once("exit", (code, signal) => {
      clearTimeout(limit);
      void this.#exited(child, code, signal);
    });
  }

  /** Takes what is still in the pipes, then ends what az left running, which may hold them for as long as it likes. */
  async #exited(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    await this.#drained();
    this.#kill();
    this.#guard?.kill("SIGKILL");
    this.#child = undefined;
    child.stdout?.destroy();
    child.stderr?.destroy();
    if (code === null) this.#answer("signal", signalNumber(signal));
    else this.#answer("exit", code);
    this.#finish();
  }

  /**
   * All that az wrote was in the pipes when it exited, and each turn of the event loop reads what there is: after two
   * turns that brought nothing, nothing of az's is left.
   */
  async #drained(): Promise<void> {
    let before: number;
    do {
      before = this.#stdout.received + this.#stderr.received;
      await turn();
      await turn();
    } while (this.#stdout.received + this.#stderr.received !== before);
  }

  /** Answers now, and ends az: while it holds its lock file not before the grace is over. */
  #end(kind: "timedOut" | "outputTooLarge", detail: number): void {
    this.#answer(kind, detail);
    const last = performance.now() + this.#run.graceMs;
    const look = setInterval(() => {
      if (this.#holdsLock() && performance.now() < last) return;
      clearInterval(look);
      this.#kill();
    }, lockLookMs).unref();
    if (!this.#holdsLock()) this.#kill();
  }

  #answer(kind: Ending["kind"], detail: number): void {
    const [stdout, stderr] = [this.#stdout.take(), this.#stderr.take()];
    if (this.#stdout.overflowed || this.#stderr.overflowed)
      this.#settle({ kind: "outputTooLarge", detail: this.#bound, stdout, stderr });
    else this.#settle({ kind, detail, stdout, stderr });
  }

  #refused(error: NodeJS.ErrnoException): void {
    if (error.code === "ENOENT" || error.code === "EACCES" || error.code === "ENOEXEC")
      this.#giveUp("notExecutable");
    else this.#giveUp("notStarted", Math.abs(error.errno ?? 0));
  }

  #giveUp(kind: "notFound" | "notExecutable" | "notStarted", detail = 0): void {
    this.#answer(kind, detail);
    this.#finish();
  }

  #holdsLock(): boolean {
    return this.#child !== undefined && this.#run.lockFiles.some((file) => existsSync(file));
  }

  #kill(): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    if (process.platform === "win32") {
      const taskkill = systemProgram(this.#run.environment, "taskkill.exe");
      spawnSync(taskkill, ["/pid", String(pid), "/t", "/f"], { stdio: "ignore", windowsHide: true });
      return;
    }
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // No process of the group is left.
    }
  }
}

/**
 * Waits for the end of its input, which comes when this process is gone, by whatever signal; then gives az time to finish
 * what it writes, and ends its group.
 */
function guardOf(child: ChildProcess, graceMs: number): ChildProcess | undefined {
  if (process.platform === "win32") return undefined;
  const script = 'read -r line; sleep "$1"; kill -s KILL -- "-$2"';
  const args = [
    "-c",
    script,
    "azure-token-cache-guard",
    String(Math.ceil(graceMs / 1000)),
    String(child.pid),
  ];
  const guard = spawn("/bin/sh", args, {
    cwd: "/",
    env: { PATH: "/usr/bin:/bin" },
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  // Without a guard az is ended all the same, but for a process that dies by a signal.
  guard.on("error", () => {});
  guard.stdin?.on("error", () => {});
  (guard.stdin as Socket | null)?.unref();
  guard.unref();
  return guard;
}

/** Bytes up to a bound; past it none are kept. */
class Collected {
  received = 0;
  readonly #bound: number;
  #chunks: Uint8Array[] = [];

  constructor(bound: number) {
    this.#bound = bound;
  }

  get overflowed(): boolean {
    return this.received > this.#bound;
  }

  /** True when this chunk is the one that passed the bound. */
  push(chunk: Uint8Array): boolean {
    const before = this.overflowed;
    this.received += chunk.length;
    if (this.overflowed) this.#chunks = [];
    else this.#chunks.push(chunk);
    return this.overflowed && !before;
  }

  take(): Uint8Array {
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    return bytes;
  }
}

type Found = { kind: "at"; path: string } | { kind: "notExecutable" } | { kind: "notFound" };

/** Looks for az at the absolute entries of PATH: any other means the working folder, in which anyone may have put an `az`. */
function findAz(searchPath: string): Found {
  const names = process.platform === "win32" ? ["az.cmd", "az.bat", "az.exe"] : ["az"];
  let found: Found = { kind: "notFound" };
  for (const folder of searchPath.split(delimiter).filter(isAbsolute)) {
    for (const path of names.map((name) => join(folder, name))) {
      if (!statSync(path, { throwIfNoEntry: false })?.isFile()) continue;
      if (isExecutable(path)) return { kind: "at", path };
      found = { kind: "notExecutable" };
    }
  }
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : (osConstants.signals[signal] ?? 0);
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
