// Azurite, the emulator of Azure's blob storage, over HTTPS with bearer tokens checked.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLoopbackCertificate } from "./certificate.ts";

const program = fileURLToPath(new URL("../../node_modules/azurite/dist/src/blob/main.js", import.meta.url));

export class Azurite implements AsyncDisposable {
  /** Of the one account that the emulator has. */
  readonly url: string;
  /** For `tlsOptions: { ca }`. */
  readonly ca: string;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(url: string, ca: string, child: ChildProcess, folder: string) {
    this.url = url;
    this.ca = ca;
    this.#process = child;
    this.#folder = folder;
  }

  static async start(): Promise<Azurite> {
    const folder = await mkdtemp(join(tmpdir(), "azurite-"));
    const { ca, cert, key } = await createLoopbackCertificate();
    await Promise.all([writeFile(join(folder, "cert.pem"), cert), writeFile(join(folder, "key.pem"), key)]);
    const child = spawn(process.execPath, [program, ...flags(folder)], {
      cwd: folder,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const origin = await listeningAt(child);
    return new Azurite(`${origin}/devstoreaccount1`, ca, child, folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const gone = once(this.#process, "exit");
      this.#process.kill("SIGKILL");
      await gone;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function flags(folder: string): string[] {
  const tls = ["--cert", join(folder, "cert.pem"), "--key", join(folder, "key.pem")];
  const quiet = ["--silent", "--disableTelemetry", "--skipApiVersionCheck"];
  const place = ["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence"];
  return [...place, "--oauth", "basic", ...tls, ...quiet];
}

/** Keeps reading afterwards: azurite logs every request and would stop at a full pipe. */
function listeningAt(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const origin = /successfully listens on (https:\S+)/.exec(said)?.[1];
      if (origin !== undefined) resolve(origin);
    });
    child.once("exit", () => reject(new Error(`azurite ended before it listened: ${said}`)));
  });
}
