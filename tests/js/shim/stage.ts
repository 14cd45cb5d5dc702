// The program of cli/ as `az` in front of the real az, with a store of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { access, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before } from "node:test";
import { fileURLToPath } from "node:url";
import { type AzRun, RealAz } from "../../stand/az.ts";
import { type Entra, startEntra } from "../../stand/entra.ts";

export const program = fileURLToPath(new URL("../../../target/release/azure-token-cache", import.meta.url));
export const python = fileURLToPath(new URL("../../../target/az-venv/bin/python", import.meta.url));

export const limits = { timeout: 300_000 };

export interface Stage {
  readonly entra: Entra;
  readonly az: RealAz;
  readonly shim: Shim;
}

/** A program that runs, and what becomes of it. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<AzRun>;
}

export class Shim {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;

  private constructor(folder: string, az: RealAz) {
    this.folder = folder;
    this.environment = {
      ...az.environment,
      PATH: `${join(folder, "bin")}:${az.environment["PATH"]}`,
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
    return run("az", args, { ...this.environment, ...more });
  }

  az(...args: string[]): Promise<AzRun> {
    return this.start(args).ended;
  }

  /** `azure-token-cache`. */
  program(...args: string[]): Promise<AzRun> {
    return run(program, args, this.environment).ended;
  }

  async forget(): Promise<void> {
    await this.program("clear");
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

export function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Running {
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const texts = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      texts[stream] += text;
    });
  }
  const ended = new Promise<AzRun>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, ...texts }));
  });
  return { child, ended };
}

/** A run with a digest in each token's place: what an assertion compares, it prints when it fails. */
export function masked({ code, stdout, stderr }: AzRun): AzRun {
  return { code, stdout: withoutTokens(stdout), stderr: withoutTokens(stderr) };
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
