// Every store keeps every promise of a TokenStore, and the checks notice a store that breaks one.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type EntryKey,
  entryKey,
  type Generation,
  type StoredEntry,
  type StoredFailure,
  type StoredToken,
  type StoreLock,
  type TokenStore,
} from "azure-token-cache";
import { MemoryTokenStore, type OpenTokenStore, tokenStoreChecks } from "azure-token-cache/testing";
import { Stand } from "./stand.ts";

/** A store in memory is shared by whoever is given it. */
function inMemory(make: () => TokenStore = () => new MemoryTokenStore()): OpenTokenStore {
  const places = new Map<string, TokenStore>();
  return (place) => {
    const store = places.get(place) ?? make();
    places.set(place, store);
    return store;
  };
}

for (const { name, run } of tokenStoreChecks(inMemory())) test(`memory: ${name}`, run);

test("persistentStore with a key file", async (context) => {
  using stand = new Stand();
  for (const { name, run } of tokenStoreChecks((place) => stand.openAt(place, "key-file")))
    await context.test(name, run);
});

test("persistentStore with the kernel keyring", async (context) => {
  using stand = new Stand();
  // One store for all places: the keyring keeps a key for days, and has room for 200.
  const open = (place: string) => within(place, stand.openAt("keyring", "kernel-keyring"));
  for (const { name, run } of tokenStoreChecks(open)) await context.test(name, run);
});

/** The part of a store whose keys begin with a place. */
function within(place: string, store: TokenStore): TokenStore {
  const at = (key: EntryKey) => new Uint8Array([...entryKey([place]), ...key]);
  return {
    load: (key) => store.load(at(key)),
    tryLock: (key, lane) => store.tryLock(at(key), lane),
    save: (key, token, over) => store.save(at(key), token, over),
    saveFailure: (key, failure) => store.saveFailure(at(key), failure),
    invalidate: (beginning) => store.invalidate(at(beginning)),
    clear: () => store.clear(),
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Its saves look and save in two turns, one after the other. */
class OneAtATime extends MemoryTokenStore {
  #last: Promise<unknown> = Promise.resolve();

  override save(key: EntryKey, token: StoredToken, over: Generation | undefined): Promise<boolean> {
    return this.alone(async () => {
      const { generation } = await this.load(key);
      if (over !== undefined && (over.store !== generation.store || over.entry !== generation.entry))
        return false;
      await turn();
      return super.save(key, token, undefined);
    });
  }

  alone<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#last.then(run);
    this.#last = done;
    return done;
  }
}

/** Each breaks one promise, and has to fail at least the check that is named. */
const broken: Readonly<Record<string, { make: () => TokenStore; fails: RegExp }>> = {
  "saves over whatever is there": {
    fails: /older generation changes nothing/,
    make: () =>
      new (class extends MemoryTokenStore {
        override save(key: EntryKey, token: StoredToken): Promise<boolean> {
          return super.save(key, token, undefined);
        }
      })(),
  },
  "looks at the generation, and saves later": {
    fails: /a single one is kept/,
    make: () =>
      new (class extends MemoryTokenStore {
        override async save(
          key: EntryKey,
          token: StoredToken,
          over: Generation | undefined,
        ): Promise<boolean> {
          const { generation } = await this.load(key);
          if (over !== undefined && over.entry !== generation.entry) return false;
          await new Promise((resolve) => setImmediate(resolve));
          return super.save(key, token, undefined);
        }
      })(),
  },
  "gives a lock to everybody": {
    fails: /one holder/,
    make: () =>
      new (class extends MemoryTokenStore {
        override async tryLock(): Promise<StoreLock> {
          return { release: async () => {} };
        }
      })(),
  },
  "looks whether a lock is free, and takes it a turn later": {
    fails: /many who try a lock at once/,
    make: () =>
      new (class extends MemoryTokenStore {
        readonly #held = new Map<string, object>();

        override async tryLock(key: EntryKey, lane: number): Promise<StoreLock | undefined> {
          const name = `${lane} ${key}`;
          if (this.#held.has(name)) return undefined;
          await turn();
          const mine = {};
          this.#held.set(name, mine);
          const release = async () => {
            if (this.#held.get(name) === mine) this.#held.delete(name);
          };
          return { release };
        }
      })(),
  },
  "invalidates while it saves": {
    fails: /a save and an invalidation at once/,
    make: () =>
      new (class extends OneAtATime {
        override clear = () => this.alone(() => super.clear());
      })(),
  },
  "clears while it saves": {
    fails: /a save and a clearing at once/,
    make: () =>
      new (class extends OneAtATime {
        override invalidate = (beginning: EntryKey) => this.alone(() => super.invalidate(beginning));
      })(),
  },
  "looks at the generation, and invalidates later": {
    fails: /a save and an invalidation at once/,
    make: () =>
      new (class extends MemoryTokenStore {
        /** How many generations were given twice. */
        #lost = 0;

        override async load(key: EntryKey): Promise<StoredEntry> {
          const { generation, ...found } = await super.load(key);
          return { ...found, generation: { ...generation, entry: generation.entry - this.#lost } };
        }

        override save(key: EntryKey, token: StoredToken, over: Generation | undefined): Promise<boolean> {
          return super.save(key, token, over && { ...over, entry: over.entry + this.#lost });
        }

        override async invalidate(beginning: EntryKey): Promise<void> {
          const seen = (await super.load(beginning)).generation;
          await turn();
          const now = (await super.load(beginning)).generation;
          this.#lost += now.entry - seen.entry;
          await super.invalidate(beginning);
        }
      })(),
  },
  "keeps the failures of what it invalidates": {
    fails: /a failure goes/,
    make: () =>
      new (class extends MemoryTokenStore {
        override async invalidate(beginning: EntryKey): Promise<void> {
          const { failure } = await this.load(beginning);
          await super.invalidate(beginning);
          if (failure !== undefined) await this.saveFailure(beginning, failure);
        }
      })(),
  },
  "keeps failures when it is cleared": {
    fails: /a failure goes/,
    make: () =>
      new (class extends MemoryTokenStore {
        #last: [EntryKey, StoredFailure] | undefined;

        override saveFailure(...failed: [EntryKey, StoredFailure]): Promise<void> {
          this.#last = failed;
          return super.saveFailure(...failed);
        }

        override async clear(): Promise<void> {
          await super.clear();
          if (this.#last !== undefined) await super.saveFailure(...this.#last);
        }
      })(),
  },
  "has one lock for all lanes": {
    fails: /lanes of an entry/,
    make: () =>
      new (class extends MemoryTokenStore {
        override tryLock(key: EntryKey): Promise<StoreLock | undefined> {
          return super.tryLock(key, 0);
        }
      })(),
  },
  "drops what it does not know": {
    fails: /as it was saved/,
    make: () =>
      new (class extends MemoryTokenStore {
        override save(
          key: EntryKey,
          { extra: _, ...token }: StoredToken,
          over: Generation | undefined,
        ): Promise<boolean> {
          return super.save(key, token, over);
        }
      })(),
  },
  "invalidates nothing that is not there": {
    fails: /first fetch that had begun/,
    make: () =>
      new (class extends MemoryTokenStore {
        override async invalidate(beginning: EntryKey): Promise<void> {
          if ((await this.load(beginning)).token !== undefined) await super.invalidate(beginning);
        }
      })(),
  },
  "invalidates everything": {
    fails: /and nothing else/,
    make: () =>
      new (class extends MemoryTokenStore {
        override invalidate(): Promise<void> {
          return super.invalidate(new Uint8Array());
        }
      })(),
  },
  "keeps no failure": {
    fails: /failure comes back/,
    make: () =>
      new (class extends MemoryTokenStore {
        override async saveFailure(): Promise<void> {}
      })(),
  },
  "clears tokens and forgets generations": {
    fails: /clearing forgets every token/,
    make: () => {
      let inner = new MemoryTokenStore();
      return {
        load: (key) => inner.load(key),
        tryLock: (key, lane) => inner.tryLock(key, lane),
        save: (key, token, over) => inner.save(key, token, over),
        saveFailure: (key, failure) => inner.saveFailure(key, failure),
        invalidate: (beginning) => inner.invalidate(beginning),
        clear: async () => {
          inner = new MemoryTokenStore();
        },
      };
    },
  },
};

for (const [fault, { make, fails }] of Object.entries(broken)) {
  test(`a store that ${fault} is noticed`, async () => {
    const failed: string[] = [];
    for (const { name, run } of tokenStoreChecks(inMemory(make))) await run().catch(() => failed.push(name));
    assert.match(failed.join("\n"), fails);
  });
}
