// A lock on the server: it ends by itself unless its holder renews it, and its fence tells its holders apart.
import type { StoreLock } from "../../../wasm/ts/store/token-store.ts";
import { RedisStoreError } from "./errors.ts";
import { type Entry, leaseKey } from "./names.ts";
import type { RedisServer } from "./server.ts";

/** How long a lease lasts that nobody renews, in milliseconds: so long others wait for a machine that is gone. */
export const leaseMs = 10_000;
/** Twice, so that one renewal may fail. */
const renewMs = 4_000;
/** No fetch takes longer; a program that forgot its lock must not keep it for ever. */
const longestMs = 20 * 60_000;

export class Lease implements StoreLock {
  readonly #server: RedisServer;
  readonly #entry: Entry;
  readonly #lane: number;
  readonly fence: string;
  readonly #renewing: NodeJS.Timeout;
  #isOver = false;

  constructor(server: RedisServer, entry: Entry, lane: number, fence: string) {
    this.#server = server;
    this.#entry = entry;
    this.#lane = lane;
    this.fence = fence;
    const last = performance.now() + longestMs;
    this.#renewing = setInterval(() => {
      if (performance.now() > last) this.ended();
      else this.#renew();
    }, renewMs);
    this.#renewing.unref();
  }

  /** The keys of an operation that counts only while nobody else has the lease. */
  get keys(): string[] {
    return [...this.#entry.keys, leaseKey(this.#entry, this.#lane)];
  }

  /** It was released together with a save, or is another one's by now. */
  ended(): void {
    this.#isOver = true;
    clearInterval(this.#renewing);
  }

  async release(): Promise<void> {
    if (this.#isOver) return;
    this.ended();
    try {
      await this.#run(["release", this.fence]);
    } catch (error) {
      // What is slow now may do it all the same, long before the lease runs out.
      if (!(error instanceof RedisStoreError && error.problem === "LEFT_ALONE")) throw error;
      this.abandon();
    }
  }

  /** Releases it, and does not wait for that. */
  abandon(): void {
    this.ended();
    this.#server.send({ keys: this.keys, arguments: ["release", this.fence] });
  }

  #renew(): void {
    this.#run(["renew", this.fence, String(leaseMs)]).then(
      (reply) => {
        if (reply === "0") this.ended();
      },
      // The next renewal may be in time.
      () => {},
    );
  }

  #run(operation: string[]): Promise<unknown> {
    return this.#server.run(this.#entry.shard, { keys: this.keys, arguments: operation });
  }
}
