// A proxy on loopback that can spoil the way to a server: hold replies back, or cut them off in the middle.
import { connect, createServer, type Server, type Socket } from "node:net";

/** What becomes of replies: they pass, wait until they pass again, or end the connection after their first bytes. */
export type Way = "pass" | "hold" | { readonly cutAfter: number };

export class SpoiltWay implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #held: (() => void)[] = [];
  #way: Way = "pass";
  /** How many connections were cut. */
  cuts = 0;

  private constructor(port: number) {
    this.#server = createServer((caller) => this.#join(caller, connect(port, "127.0.0.1")));
  }

  static async to(port: number): Promise<SpoiltWay> {
    const proxy = new SpoiltWay(port);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  set way(way: Way) {
    this.#way = way;
    if (way === "pass") for (const send of this.#held.splice(0)) send();
  }

  #join(caller: Socket, server: Socket): void {
    for (const [socket, other] of [
      [caller, server],
      [server, caller],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => {}).on("close", () => other.destroy());
    }
    caller.pipe(server);
    server.on("data", (reply: Buffer) => this.#pass(reply, caller));
  }

  #pass(reply: Buffer, caller: Socket): void {
    if (this.#way === "pass") caller.write(reply);
    else if (this.#way === "hold") this.#held.push(() => caller.write(reply));
    else {
      this.cuts += 1;
      caller.write(reply.subarray(0, this.#way.cutAfter), () => caller.destroy());
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
