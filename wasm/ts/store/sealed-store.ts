// The store that a cache takes, over one that keeps bytes: everything in it is sealed, and saves compare generations.
import { settleAll } from "../settle-all.ts";
import type { ByteStore } from "./byte-store.ts";
import {
  failureOf,
  generationOf,
  recordOfFailure,
  recordOfToken,
  type StoreRecord,
  tokenOf,
} from "./record.ts";
import { type Opened, SealingKey } from "./sealed-format.ts";
import type {
  EntryKey,
  Generation,
  StoredEntry,
  StoredFailure,
  StoredToken,
  StoreLock,
  TokenStore,
} from "./token-store.ts";

/** A name that no longer exists is asked for no longer than this, in milliseconds: as host's files. */
const lives = {
  afterExpiry: 20 * 60_000,
  failure: 10 * 60_000,
  tombstone: 30 * 3_600_000,
  generation: 10 * 365 * 86_400_000,
};
/** Another save takes about as long as two messages to the store. */
const savePatienceMs = 2_000;
const savePauseMs = 5;
const lanes = ["fetch", "slot0", "slot1"] as const;
/** No entry has a key without parts: the store's own generation stands under it. */
const ofTheStore: EntryKey = new Uint8Array();

export class SealedStore implements TokenStore {
  readonly #bytes: ByteStore;
  /** The first seals, all open. While they are changed, other programs have them in another order. */
  readonly #keys: Promise<readonly SealingKey[]>;

  constructor(bytes: ByteStore, keys: readonly [Uint8Array, ...Uint8Array[]]) {
    this.#bytes = bytes;
    this.#keys = Promise.all(keys.map((key) => SealingKey.from(key)));
    this.#keys.catch(() => {});
  }

  async load(key: EntryKey): Promise<StoredEntry> {
    const [store, found, failed] = await Promise.all([
      this.#storeGeneration(),
      this.#read(key),
      this.#readAll(key, ".failure"),
    ]);
    const generation = generationOf(found);
    const token = generation?.store === store ? tokenOf(found) : undefined;
    const failure = failed.map(failureOf).reduce(laterFailure, undefined);
    return { generation: { store, entry: generation?.entry ?? 0 }, token, failure };
  }

  async tryLock(key: EntryKey, lane: 0 | 1 | 2): Promise<StoreLock | undefined> {
    const release = await this.#lock(key, `.${lanes[lane]}`);
    if (release === undefined) return undefined;
    // Once: a second time the lock may be its next holder's.
    let held = true;
    return {
      async release() {
        if (!held) return;
        held = false;
        await release();
      },
    };
  }

  save(key: EntryKey, token: StoredToken, over: Generation | undefined): Promise<boolean> {
    return this.#alone(async () => {
      const { generation } = await this.load(key);
      if (over !== undefined && (over.store !== generation.store || over.entry !== generation.entry))
        return false;
      const record = recordOfToken(token, { ...generation, entry: generation.entry + 1 });
      await this.#replace(key, record, token.expiresAt + lives.afterExpiry);
      return true;
    });
  }

  async saveFailure(key: EntryKey, failure: StoredFailure): Promise<void> {
    await this.#write(key, ".failure", recordOfFailure(failure), failure.failedAt + lives.failure);
  }

  invalidate(beginning: EntryKey): Promise<void> {
    return this.#alone(async () => {
      await this.#bury(beginning);
      for (const name of await this.#bytes.list()) {
        const opened = name.includes(".") ? undefined : await this.#open(name);
        if (opened === undefined || opened.key.length === beginning.length) continue;
        if (beginsWith(opened.key, beginning) && tokenOf(opened.record)) await this.#bury(opened.key);
      }
    });
  }

  clear(): Promise<void> {
    return this.#alone(async () => {
      const store = (await this.#storeGeneration()) + 1;
      await this.#bytes.clear();
      const record: StoreRecord = { generation: { store, entry: 0 }, content: "tombstone" };
      await this.#replace(ofTheStore, record, Date.now() + lives.generation);
    });
  }

  async #bury(key: EntryKey): Promise<void> {
    const { generation } = await this.load(key);
    const record: StoreRecord = {
      generation: { ...generation, entry: generation.entry + 1 },
      content: "tombstone",
    };
    await this.#replace(key, record, Date.now() + lives.tombstone);
    const failures = [...(await this.#names(key, ".failure")).keys()];
    await Promise.all(failures.map((name) => this.#bytes.remove(name)));
  }

  async #storeGeneration(): Promise<number> {
    return generationOf(await this.#read(ofTheStore))?.store ?? 0;
  }

  /** Comparing and replacing: one at a time in the whole store. */
  async #alone<T>(run: () => Promise<T>): Promise<T> {
    const last = performance.now() + savePatienceMs;
    for (;;) {
      const release = await this.#lock(ofTheStore, ".save");
      if (release !== undefined) {
        try {
          return await run();
        } finally {
          await release();
        }
      }
      if (performance.now() > last)
        throw new Error("another process holds the store's save lock and does not finish");
      await new Promise((resolve) => setTimeout(resolve, savePauseMs));
    }
  }

  /** Takes the lock's names of all keys or none; in one order, so that of those who try at once one has them all. */
  async #lock(key: EntryKey, suffix: string): Promise<(() => Promise<void>) | undefined> {
    const names = [...(await this.#names(key, suffix)).keys()].sort();
    const held: (() => Promise<void> | void)[] = [];
    const release = () => settleAll(held.map(async (each) => each()));
    try {
      for (const name of names) {
        const taken = await this.#bytes.lock(name);
        if (taken == null) break;
        held.push(taken);
      }
    } finally {
      if (held.length < names.length) await release();
    }
    return held.length < names.length ? undefined : release;
  }

  /** The latest of what stands under the key's names. */
  async #read(key: EntryKey): Promise<unknown> {
    return (await this.#readAll(key, "")).reduce(laterRecord, undefined);
  }

  async #readAll(key: EntryKey, suffix: string): Promise<unknown[]> {
    const read = async ([name, sealing]: [string, SealingKey]) => {
      const bytes = await this.#bytes.load(name);
      const opened = bytes == null ? undefined : await sealing.open(name, bytes);
      return opened !== undefined && isEqual(opened.key, key) ? opened.record : undefined;
    };
    return Promise.all([...(await this.#names(key, suffix))].map(read));
  }

  async #open(name: string): Promise<Opened | undefined> {
    const bytes = await this.#bytes.load(name);
    if (bytes == null) return undefined;
    for (const sealing of await this.#keys) {
      const opened = await sealing.open(name, bytes);
      if (opened !== undefined) return opened;
    }
    return undefined;
  }

  async #write(key: EntryKey, suffix: string, record: StoreRecord, expiresAt: number): Promise<void> {
    const [[name, sealing]] = [...(await this.#names(key, suffix))] as [[string, SealingKey]];
    await this.#bytes.save(name, await sealing.seal(name, { key, record }), expiresAt);
  }

  /** What stood there before goes, with whichever key it was sealed. */
  async #replace(key: EntryKey, record: StoreRecord, expiresAt: number): Promise<void> {
    await this.#write(key, "", record, expiresAt);
    const [, ...others] = (await this.#names(key, "")).keys();
    await Promise.all(others.map((name) => this.#bytes.remove(name)));
  }

  /** What an entry is called under each key, the first one's name first. */
  async #names(key: EntryKey, suffix: string): Promise<Map<string, SealingKey>> {
    const named = async (sealing: SealingKey) => [`${await sealing.name(key)}${suffix}`, sealing] as const;
    return new Map(await Promise.all((await this.#keys).map(named)));
  }
}

/** Of equals the first. */
function laterRecord(one: unknown, other: unknown): unknown {
  const [first, second] = [generationOf(one), generationOf(other)];
  if (first === undefined || second === undefined) return first === undefined ? other : one;
  const ahead = second.store - first.store || second.entry - first.entry;
  return ahead > 0 ? other : one;
}

function laterFailure(
  one: StoredFailure | undefined,
  other: StoredFailure | undefined,
): StoredFailure | undefined {
  return one === undefined || (other !== undefined && other.failedAt > one.failedAt) ? other : one;
}

function beginsWith(key: EntryKey, beginning: EntryKey): boolean {
  return key.length >= beginning.length && beginning.every((byte, index) => key[index] === byte);
}

function isEqual(one: EntryKey, other: EntryKey): boolean {
  return one.length === other.length && beginsWith(one, other);
}
