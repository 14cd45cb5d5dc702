// The program of cli/ as `az` in front of the real az, with a store of its own.
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { access, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { decodeJwt } from "jose";
import { printsToken, RealAz } from "../../stand/az.ts";
import { type Entra, startEntra } from "../../stand/entra.ts";
import { type Run, type Running, run } from "../../stand/run.ts";

export const program = fileURLToPath(new URL("../../../target/release/azure-token-cache", import.meta.url));
export const python = fileURLToPath(new URL("../../../target/az-venv/bin/python", import.meta.url));

export const limits = { timeout: 300_000 };

export interface Stage {
  readonly entra: Entra;
  readonly az: RealAz;
  readonly shim: Shim;
}

export class Shim {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly #realPath: string;

  private constructor(folder: string, az: RealAz) {
    this.folder = folder;
    this.#realPath = az.environment["PATH"] as string;
    this.environment = {
      ...az.environment,
      PATH: `${join(folder, "bin")}:${this.#realPath}`,
      XDG_STATE_HOME: join(folder, "state"),
      XDG_RUNTIME_DIR: join(folder, "run"),
      AZURE_TOKEN_CACHE_VAULT: "key-file",
    };
  }

  static async create(az: RealAz): Promise<Shim> {
    await access(program).catch(() => {
      throw new Error("target/release/azure-token-cache is absent: `npm test` and `npm run setup` build it");
    });
    // In memory, as the runtime folder of a desktop is.
    const shim = new Shim(await mkdtemp("/dev/shm/atc-shim-"), az);
    for (const name of ["bin", "run", "state"]) await mkdir(join(shim.folder, name), { mode: 0o700 });
    await symlink(program, join(shim.folder, "bin", "az"));
    return shim;
  }

  /** `az` as its callers find it. */
  start(args: readonly string[], more: Readonly<Record<string, string>> = {}): Running {
    const env = { ...this.environment, ...more };
    return run("az", args, { env, printsTokens: printsToken(args) });
  }

  az(...args: string[]): Promise<Run> {
    return this.start(args).ended;
  }

  /** Of programs that share the store, and find the real az. */
  get environmentOfNode(): Readonly<Record<string, string>> {
    return { ...this.environment, PATH: this.#realPath };
  }

  node(args: readonly string[]): Running {
    return run(process.execPath, args, { env: this.environmentOfNode });
  }

  /** `azure-token-cache`, with a command that shows no token. */
  program(...args: string[]): Promise<Run> {
    return run(program, args, { env: this.environment }).ended;
  }

  async forget(): Promise<void> {
    await this.program("clear");
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A run with a digest in each token's place: what an assertion compares, it prints when it fails. */
export function masked({ code, stdout, stderr }: Run): Run {
  return { code, stdout: withoutTokens(stdout), stderr: withoutTokens(stderr) };
}

/** Whose the token is that the shim printed. */
export function owner({ code, stdout, stderr }: Run): string {
  assert.equal(code, 0, stderr);
  return String(decodeJwt(JSON.parse(stdout).accessToken)["oid"]);
}

/** Whether a process runs; one that has ended and that nobody has asked for does not. */
export function isAlive(pid = 0): boolean {
  try {
    return !/\) [XZ] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** A process that sleeps between two looks at the store waits for another one's fetch. */
export async function waiting(child: ChildProcess): Promise<void> {
  const sleeping = process.arch === "x64" ? "230" : "115";
  while (callOf(child) !== sleeping) await pause(1);
}

function callOf({ pid }: ChildProcess): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/syscall`, "utf8").split(" ")[0];
  } catch {
    return undefined;
  }
}

function withoutTokens(text: string): string {
  return text.replaceAll(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, (token) => {
    return `token ${createHash("sha256").update(token).digest("hex").slice(0, 16)}`;
  });
}

/** One stand, one az home and one shim for a test file, as new before each of its tests. */
export function stage(): () => Stage {
  let current: Stage | undefined;
  before(async () => {
    const entra = await startEntra();
    const az = await RealAz.create(entra);
    current = { entra, az, shim: await Shim.create(az) };
  });
  after(async () => {
    await current?.shim.remove();
    await current?.az[Symbol.asyncDispose]();
    await current?.entra.close();
  });
  afterEach(async () => {
    if (current === undefined) return;
    current.entra.control.calm();
    await current.entra.restore();
    await current.shim.forget();
    await current.az.reset();
    current.entra.forgetRequests();
  });
  return () => {
    if (current === undefined) throw new Error("the stage is set up before the first test");
    return current;
  };
}
