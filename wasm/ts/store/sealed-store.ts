// The store that a cache takes, over one that keeps bytes: everything in it is sealed, and saves compare generations.
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
  readonly #keys: Promise<{ readonly first: SealingKey; readonly all: readonly SealingKey[] }>;

  constructor(bytes: ByteStore, keys: readonly [Uint8Array, ...Uint8Array[]]) {
    this.#bytes = bytes;
    this.#keys = sealingKeys(keys);
    this.#keys.catch(() => {});
  }

  async load(key: EntryKey): Promise<StoredEntry> {
    const [store, found, failed] = await Promise.all([
      this.#storeGeneration(),
      this.#read(key, ""),
      this.#read(key, ".failure"),
    ]);
    const generation = generationOf(found);
    const token = generation?.store === store ? tokenOf(found) : undefined;
    return { generation: { store, entry: generation?.entry ?? 0 }, token, failure: failureOf(failed) };
  }

  async tryLock(key: EntryKey, lane: 0 | 1 | 2): Promise<StoreLock | undefined> {
    const release = await this.#bytes.lock(`${await this.#name(key)}.${lanes[lane]}`);
    if (release === null) return undefined;
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
      await this.#write(key, "", record, token.expiresAt + lives.afterExpiry);
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
      await this.#write(ofTheStore, "", record, Date.now() + lives.generation);
    });
  }

  async #bury(key: EntryKey): Promise<void> {
    const { generation } = await this.load(key);
    const record: StoreRecord = {
      generation: { ...generation, entry: generation.entry + 1 },
      content: "tombstone",
    };
    await this.#write(key, "", record, Date.now() + lives.tombstone);
    await this.#bytes.remove(`${await this.#name(key)}.failure`);
  }

  async #storeGeneration(): Promise<number> {
    return generationOf(await this.#read(ofTheStore, ""))?.store ?? 0;
  }

  /** Comparing and replacing: one at a time in the whole store. */
  async #alone<T>(run: () => Promise<T>): Promise<T> {
    const name = `${await this.#name(ofTheStore)}.save`;
    const last = performance.now() + savePatienceMs;
    for (;;) {
      const release = await this.#bytes.lock(name);
      if (release !== null) {
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

  async #read(key: EntryKey, suffix: string): Promise<unknown> {
    for (const sealing of (await this.#keys).all) {
      const name = `${await sealing.name(key)}${suffix}`;
      const bytes = await this.#bytes.load(name);
      const opened = bytes == null ? undefined : await sealing.open(name, bytes);
      if (opened !== undefined && isEqual(opened.key, key)) return opened.record;
    }
    return undefined;
  }

  async #open(name: string): Promise<Opened | undefined> {
    const bytes = await this.#bytes.load(name);
    if (bytes == null) return undefined;
    for (const sealing of (await this.#keys).all) {
      const opened = await sealing.open(name, bytes);
      if (opened !== undefined) return opened;
    }
    return undefined;
  }

  async #write(key: EntryKey, suffix: string, record: StoreRecord, expiresAt: number): Promise<void> {
    const { first: sealing } = await this.#keys;
    const name = `${await sealing.name(key)}${suffix}`;
    await this.#bytes.save(name, await sealing.seal(name, { key, record }), expiresAt);
  }

  async #name(key: EntryKey): Promise<string> {
    const { first: sealing } = await this.#keys;
    return sealing.name(key);
  }
}

async function sealingKeys([first, ...others]: readonly [Uint8Array, ...Uint8Array[]]) {
  const sealing = await SealingKey.from(first);
  return {
    first: sealing,
    all: [sealing, ...(await Promise.all(others.map((key) => SealingKey.from(key))))],
  };
}

function beginsWith(key: EntryKey, beginning: EntryKey): boolean {
  return key.length >= beginning.length && beginning.every((byte, index) => key[index] === byte);
}

function isEqual(one: EntryKey, other: EntryKey): boolean {
  return one.length === other.length && beginsWith(one, other);
}
