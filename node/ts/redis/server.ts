// Runs the store's script on a Redis server, in bounded time, whatever the server and its client do.
import { Circuit } from "./circuit.ts";
import { isUnknownScript, RedisStoreError, redisStoreError } from "./errors.ts";
import script from "./store.lua";

/** What of a client of the npm package `redis` is used. */
export interface RedisClient {
  /** `connect` was called, and `close` was not. */
  readonly isOpen?: boolean;
  /** There is a connection. */
  readonly isReady?: boolean;
  eval(script: string, options: RedisScriptOptions): Promise<unknown>;
  evalSha(sha1: string, options: RedisScriptOptions): Promise<unknown>;
}

/** The keys and the arguments of a script. */
export interface RedisScriptOptions {
  keys: string[];
  arguments: string[];
}

/** How often a client that is about to connect is looked at, in milliseconds. */
const lookMs = 5;

export class RedisServer {
  readonly #client: RedisClient;
  readonly #patienceMs: number;
  /** One for each shard, where each may be another server's; else one. */
  readonly #circuits = new Map<string, Circuit>();
  #sha: Promise<string> | undefined;
  /** The wait for a connection, of all that ask meanwhile. */
  #connecting: Promise<boolean> | undefined;
  /** Somebody waited for a connection, and there still is none. */
  #isGivenUp = false;

  constructor(client: RedisClient, patienceMs: number) {
    this.#client = client;
    this.#patienceMs = patienceMs;
  }

  /**
   * Performs an operation of the script. `late` has the reply that comes when nobody waits for it any more.
   *
   * @throws RedisStoreError when its patience ends, or before.
   */
  async run(
    shard: string,
    options: RedisScriptOptions,
    late: (reply: unknown) => void = () => {},
  ): Promise<unknown> {
    const circuit = this.#circuitOf(shard);
    if (circuit.isOpen) throw new RedisStoreError("LEFT_ALONE");
    const began = performance.now();
    await this.#connected();
    try {
      return await this.#answerOf(options, began + this.#patienceMs - performance.now(), late);
    } catch (error) {
      const known = redisStoreError(error);
      if (known.problem !== "TIMEOUT") throw known;
      // A client keeps what it sent before it lost the connection, to send it once more.
      if (this.#client.isReady === false) throw this.#givenUp();
      if (!circuit.isOpen) circuit.open(() => this.#probe(options.keys));
      throw known;
    }
  }

  /** The same, where nobody needs to know what came of it; also while the server is left alone. */
  send(options: RedisScriptOptions): void {
    if (this.#client.isOpen !== false && this.#client.isReady !== false)
      this.#evaluate(options).catch(() => {});
  }

  /** A command to a client without a connection would wait in its queue for as long as that takes. */
  async #connected(): Promise<void> {
    const client = this.#client;
    if (client.isOpen === false) throw new RedisStoreError("NOT_CONNECTED");
    if (client.isReady !== false) {
      this.#isGivenUp = false;
      return;
    }
    if (this.#isGivenUp) throw this.#givenUp();
    this.#connecting ??= this.#connects().finally(() => {
      this.#connecting = undefined;
    });
    if (!(await this.#connecting)) throw this.#givenUp();
  }

  /** Nobody waits again for a connection, until there is one. */
  #givenUp(): RedisStoreError {
    this.#isGivenUp = true;
    return new RedisStoreError("UNREACHABLE");
  }

  async #connects(): Promise<boolean> {
    const last = performance.now() + this.#patienceMs;
    while (performance.now() < last) {
      await new Promise((resolve) => setTimeout(resolve, lookMs));
      if (this.#client.isReady !== false) return true;
    }
    return false;
  }

  /** Whether the server answers; of a client that was closed nobody will ask. */
  async #probe(keys: RedisScriptOptions["keys"]): Promise<void> {
    if (this.#client.isOpen !== false) await this.#answerOf({ keys, arguments: ["probe"] }, this.#patienceMs);
  }

  #answerOf(
    options: RedisScriptOptions,
    withinMs: number,
    late: (reply: unknown) => void = () => {},
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let isLate = false;
      const timeOut = () => {
        isLate = true;
        reject(new RedisStoreError("TIMEOUT"));
      };
      // A program that was busy all the time reads first what has come meanwhile.
      const timer = setTimeout(() => setImmediate(timeOut), Math.max(1, withinMs));
      this.#evaluate(options)
        .then((reply) => (isLate ? late(reply) : resolve(reply)))
        .catch(reject)
        .finally(() => clearTimeout(timer));
    });
  }

  async #evaluate(options: RedisScriptOptions): Promise<unknown> {
    this.#sha ??= sha1Of(script);
    try {
      return await this.#client.evalSha(await this.#sha, options);
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return this.#client.eval(script, options);
    }
  }

  #circuitOf(shard: string): Circuit {
    const name = "masters" in this.#client ? shard : "";
    const circuit = this.#circuits.get(name) ?? new Circuit();
    this.#circuits.set(name, circuit);
    return circuit;
  }
}

async function sha1Of(text: string): Promise<string> {
  const digest = await globalThis.crypto.subtle.digest("SHA-1", new TextEncoder().encode(text));
  return Buffer.from(digest).toString("hex");
}
