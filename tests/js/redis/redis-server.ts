// Real Redis servers on loopback, each in a folder of its own: started, killed, and started again at the same place.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createClient } from "redis";

type Options = Parameters<typeof createClient>[0] & object;
/** A client of the newest version, with any of its options. */
export type Client = Awaited<ReturnType<RedisServer["connect"]>>;

/** A server that lives until the end of the block. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly folder = mkdtempSync(join(tmpdir(), "redis-"));
  readonly #options: readonly string[];
  readonly #clients: { destroy(): void }[] = [];
  #process: ChildProcess | undefined;

  private constructor(port: number, options: readonly string[]) {
    this.port = port;
    this.#options = options;
  }

  /** With these options of redis-server, as `["--maxmemory", "2mb"]`. It keeps nothing on disk. */
  static async start(...options: string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), options);
    await server.start();
    return server;
  }

  get socket(): string {
    return join(this.folder, "socket");
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const own = ["--bind", "127.0.0.1", "--port", String(this.port), "--unixsocket", this.socket];
    const bare = ["--save", "", "--appendonly", "no", "--dir", this.folder];
    // It ends with this process, however that ends.
    const program = ["--pdeathsig", "KILL", "redis-server"];
    const child = spawn("setpriv", [...program, ...own, ...bare, ...this.#options], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#process = child;
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`redis-server ended with ${code}:\n${said.join("\n")}`)));
      const said: string[] = [];
      createInterface({ input: child.stdout }).on("line", (line) => {
        said.push(line);
        if (line.includes("Ready to accept connections")) resolve();
      });
    });
  }

  /** As a crash does: what it held is gone. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  /** It keeps its connections, and does nothing until it is resumed. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  resume(): void {
    this.#process?.kill("SIGCONT");
  }

  /** A client that has connected, and is closed at the end. */
  async connect(options: Options = { url: this.url }) {
    const client = this.client(options);
    await client.connect();
    return client;
  }

  /** A client that has not connected. It tries again every 10 ms. */
  client(options: Options = { url: this.url }) {
    const socket = { reconnectStrategy: 10, ...options.socket } as NonNullable<Options["socket"]>;
    const client = createClient({ ...options, socket }).on("error", () => {});
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) destroy(client);
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** One that was never connected cannot be closed. */
function destroy(client: { destroy(): void }): void {
  try {
    client.destroy();
  } catch {
    // It is closed.
  }
}

/** It may be taken before it is used; then the server says so, and the test fails. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
