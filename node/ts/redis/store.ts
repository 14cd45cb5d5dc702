// The store on a Redis server: each of its operations is one command, and what it writes is sealed.
import { settleAll } from "../../../wasm/ts/settle-all.ts";
import { failureOf, recordOfFailure, recordOfToken, tokenOf } from "../../../wasm/ts/store/record.ts";
import { SealingKey } from "../../../wasm/ts/store/sealed-format.ts";
import type {
  EntryKey,
  Generation,
  StoredEntry,
  StoredFailure,
  StoredToken,
  StoreLock,
  TokenStore,
} from "../../../wasm/ts/store/token-store.ts";
import { Lease, leaseMs } from "./lease.ts";
import { beginningName, type Entry, entryOf, generationsKey, leaseKey, shards } from "./names.ts";
import { type Found, readFence, readFound } from "./reply.ts";
import type { RedisServer } from "./server.ts";

/** An expired token is kept this much longer, in milliseconds: the clocks of a fleet differ. */
const afterExpiryMs = 120_000;
const failureMs = 120_000;
/** That another one fetches is worth knowing for so many milliseconds. */
const busyMs = 50;
const mostBusy = 256;
/** The server compares generations, and has them in the open. */
const unsealed: Generation = { store: 0, entry: 0 };

export class RedisTokenStore implements TokenStore {
  readonly pace = "far";
  readonly #server: RedisServer;
  readonly #prefix: string;
  readonly #keys: Promise<readonly [SealingKey, ...SealingKey[]]>;
  readonly #entries = new WeakMap<EntryKey, Promise<readonly [Entry, ...Entry[]]>>();
  /** What was there when a lease was taken, in this very turn. */
  readonly #underLease = new Map<string, Found>();
  /** Entries that others fetch, and until when that is worth knowing. */
  readonly #busy = new Map<string, number>();

  constructor(server: RedisServer, keys: readonly [Uint8Array, ...Uint8Array[]], prefix: string) {
    this.#server = server;
    this.#prefix = prefix;
    this.#keys = sealingKeys(keys);
    this.#keys.catch(() => {});
  }

  async load(key: EntryKey): Promise<StoredEntry> {
    const entries = await this.#entriesOf(key);
    const found = await Promise.all(entries.map((entry) => this.#look(entry)));
    const opened = await Promise.all(entries.map((entry, index) => open(entry, found[index] as Found)));
    const { generation } = found[0] as Found;
    return {
      generation,
      token: latest(
        opened.map(({ token }) => token),
        ({ acquiredAt }) => acquiredAt,
      ),
      failure: latest(
        opened.map(({ failure }) => failure),
        ({ failedAt }) => failedAt,
      ),
    };
  }

  async tryLock(key: EntryKey, lane: 0 | 1 | 2): Promise<StoreLock | undefined> {
    const [entry] = await this.#entriesOf(key);
    if (lane === 0 && this.#isBusy(entry)) return undefined;
    const options = {
      keys: [...entry.keys, leaseKey(entry, lane)],
      arguments: ["lock", String(leaseMs), ...entry.beginnings],
    };
    // A lease that comes after all is nobody's.
    const late = (reply: unknown) => this.#leaseOf(entry, lane, reply)?.abandon();
    const reply = await this.#server.run(entry.shard, options, late);
    const lease = this.#leaseOf(entry, lane, reply);
    if (lease !== undefined) this.#handOn(entry, readFound(reply));
    return lease;
  }

  async save(
    key: EntryKey,
    token: StoredToken,
    over: Generation | undefined,
    lock?: StoreLock | undefined,
  ): Promise<boolean> {
    const [entry] = await this.#entriesOf(key);
    const sealed = await seal(entry, "", key, recordOfToken(token, unsealed));
    const end = String(Math.floor(token.expiresAt) + afterExpiryMs);
    return this.#write(entry, lock, (fence) => [
      ...["save", fence, text(over?.store), text(over?.entry), sealed, end],
      ...entry.beginnings,
    ]);
  }

  async saveFailure(key: EntryKey, failure: StoredFailure, lock?: StoreLock | undefined): Promise<void> {
    const [entry] = await this.#entriesOf(key);
    const sealed = await seal(entry, ".failure", key, recordOfFailure(failure));
    await this.#write(entry, lock, (fence) => [
      ...["fail", fence, sealed, String(failureMs)],
      ...entry.beginnings,
    ]);
  }

  async invalidate(beginning: EntryKey): Promise<void> {
    if (beginning.length === 0) return this.clear();
    const entries = await this.#entriesOf(beginning);
    await settleAll(
      entries.map(async (entry) => {
        const field = await beginningName(entry.sealing, beginning);
        await this.#forget(field, entry);
      }),
    );
  }

  clear(): Promise<void> {
    return this.#forget("store");
  }

  /** In every shard: any may hold what is meant. The entry of that very name goes at once, others when they expire. */
  async #forget(field: string, own?: Entry): Promise<void> {
    await settleAll(
      shards.map((shard) => {
        const keys = shard === own?.shard ? [...own.keys] : [generationsKey(this.#prefix, shard)];
        return this.#server.run(shard, { keys, arguments: ["forget", field] });
      }),
    );
  }

  async #look(entry: Entry): Promise<Found> {
    const known = this.#underLease.get(entry.name);
    this.#underLease.delete(entry.name);
    if (known !== undefined) return known;
    const options = {
      keys: [...entry.keys, leaseKey(entry, 0)],
      arguments: ["look", ...entry.beginnings],
    };
    const found = readFound(await this.#server.run(entry.shard, options));
    this.#busy.delete(entry.name);
    // Forgetting some costs a command.
    if (this.#busy.size > mostBusy) this.#busy.clear();
    if (found.busy) this.#busy.set(entry.name, performance.now() + busyMs);
    return found;
  }

  /** For a look that follows at once. A later one is to see what came meanwhile. */
  #handOn(entry: Entry, found: Found): void {
    this.#underLease.set(entry.name, found);
    setImmediate(() => this.#underLease.delete(entry.name));
  }

  /** A look said so a moment ago. It counts once. */
  #isBusy(entry: Entry): boolean {
    const until = this.#busy.get(entry.name);
    this.#busy.delete(entry.name);
    return until !== undefined && performance.now() < until;
  }

  #leaseOf(entry: Entry, lane: number, reply: unknown): Lease | undefined {
    const fence = readFence(reply);
    return fence === "" ? undefined : new Lease(this.#server, entry, lane, fence);
  }

  async #write(
    entry: Entry,
    lock: StoreLock | undefined,
    operation: (fence: string) => string[],
  ): Promise<boolean> {
    const lease = lock instanceof Lease ? lock : undefined;
    const keys = lease?.keys ?? [...entry.keys, leaseKey(entry, 0)];
    const reply = await this.#server.run(entry.shard, { keys, arguments: operation(lease?.fence ?? "") });
    lease?.ended();
    return reply === "1";
  }

  #entriesOf(key: EntryKey): Promise<readonly [Entry, ...Entry[]]> {
    const known = this.#entries.get(key) ?? this.#name(key);
    this.#entries.set(key, known);
    return known;
  }

  async #name(key: EntryKey): Promise<readonly [Entry, ...Entry[]]> {
    const [first, ...others] = await this.#keys;
    const name = (sealing: SealingKey) => entryOf(this.#prefix, sealing, key);
    return [await name(first), ...(await Promise.all(others.map(name)))];
  }
}

async function sealingKeys([first, ...others]: readonly [Uint8Array, ...Uint8Array[]]): Promise<
  readonly [SealingKey, ...SealingKey[]]
> {
  return [await SealingKey.from(first), ...(await Promise.all(others.map((key) => SealingKey.from(key))))];
}

async function seal(
  { sealing, name }: Entry,
  suffix: string,
  key: EntryKey,
  record: ReturnType<typeof recordOfToken>,
): Promise<string> {
  return Buffer.from(await sealing.seal(`${name}${suffix}`, { key, record })).toString("base64");
}

/** What cannot be opened is not there. */
async function open(entry: Entry, { token, failure }: Found) {
  const opened = async (suffix: string, sealed: string) => {
    if (sealed === "") return undefined;
    const found = await entry.sealing.open(`${entry.name}${suffix}`, Buffer.from(sealed, "base64"));
    return found?.record;
  };
  return { token: tokenOf(await opened("", token)), failure: failureOf(await opened(".failure", failure)) };
}

function latest<T>(found: readonly (T | undefined)[], timeOf: (one: T) => number): T | undefined {
  return found.reduce((one, other) => {
    if (one === undefined || other === undefined) return one ?? other;
    return timeOf(other) > timeOf(one) ? other : one;
  }, undefined);
}

function text(number: number | undefined): string {
  return number === undefined ? "" : String(number);
}
