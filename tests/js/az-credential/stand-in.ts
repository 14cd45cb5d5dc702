// A stand-in for az: a shell script on PATH, with a folder for what it writes, and a mark on all that it starts.
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A token that must show nowhere but in a credential's answer. */
export const canary = "CANARY-az-credential-9c1f27ab5e6d";

export const usualScope = "https://management.azure.com/.default";

/** 2033-05-18T03:33:20Z. */
export const expiresOn = 2_000_000_000;

/** The JSON that az prints. */
export function document(changes: Readonly<Record<string, unknown>> = {}): string {
  const fields = {
    accessToken: canary,
    expiresOn: "2033-05-18 03:33:20.000000",
    expires_on: expiresOn,
    subscription: "0b1f6471-1bf0-4dda-aec3-111122223333",
    tenant: "72f988bf-86f1-41af-91ab-2d7cd011db47",
    tokenType: "Bearer",
    ...changes,
  };
  return JSON.stringify(fields, undefined, 2);
}

/** A shell command that prints a text without single quotes. */
export const print = (text: string) => `printf '%s\\n' '${text}'`;

/** A shell command that prints az's JSON. */
export const printsToken = print(document());

export const runners = ["addon", "child_process"] as const;
export type Runner = (typeof runners)[number];

let stands = 0;

export class StandIn implements Disposable {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly #mark: string;
  readonly #before = { ...process.env };

  /** Puts itself first on this process's PATH and chooses the runner, until it is disposed of. */
  constructor(runner: Runner, script: string | Uint8Array = printsToken, mode = 0o755) {
    stands += 1;
    this.#mark = `ATC_TEST_MARK=${process.pid}.${stands}.`;
    this.folder = mkdtempSync(join(tmpdir(), "az-stand-in-"));
    const [name = "", value = ""] = this.#mark.split("=");
    this.environment = {
      PATH: `${this.folder}:/usr/bin:/bin`,
      HOME: this.folder,
      AZURE_CONFIG_DIR: this.folder,
      STAND: this.folder,
      ATC_ADDON: runner === "addon" ? "on" : "off",
      [name]: value,
    };
    const text = typeof script === "string" ? `#!/bin/sh\ncd "$STAND"\n${script}\n` : script;
    writeFileSync(join(this.folder, "az"), text);
    chmodSync(join(this.folder, "az"), mode);
    Object.assign(process.env, this.environment);
  }

  write(name: string, text = ""): void {
    writeFileSync(join(this.folder, name), text);
  }

  remove(name: string): void {
    rmSync(join(this.folder, name));
  }

  has(name: string): boolean {
    return existsSync(join(this.folder, name));
  }

  lines(name: string): string[] {
    return this.has(name) ? readFileSync(join(this.folder, name), "utf8").split("\n").slice(0, -1) : [];
  }

  /** Resolves when the script has written that file, or removed it. */
  appeared(name: string): Promise<void> {
    return eventually(() => this.has(name));
  }

  /** Live processes that this stand-in, or what it started, became. */
  processes(): number[] {
    return readdirSync("/proc")
      .map(Number)
      .filter((pid) => Number.isInteger(pid) && pid !== process.pid && this.#isMine(pid));
  }

  /** Resolves when none is left: a process that was killed takes a moment to go. */
  gone(): Promise<void> {
    return eventually(() => this.processes().length === 0);
  }

  [Symbol.dispose](): void {
    for (const pid of this.processes()) process.kill(pid, "SIGKILL");
    for (const name of Object.keys(process.env)) if (!(name in this.#before)) delete process.env[name];
    Object.assign(process.env, this.#before);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #isMine(pid: number): boolean {
    try {
      return (
        readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(this.#mark) &&
        !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "latin1"))
      );
    } catch {
      // It ended in between.
      return false;
    }
  }
}

/** Waits until the condition holds, pausing so that the processes it waits for get the processor; a test's limit ends it. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
