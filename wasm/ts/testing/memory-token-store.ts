// A store in memory, for tests: caches that are given the same one share tokens as processes share a real one.
import type {
  EntryKey,
  Generation,
  StoredEntry,
  StoredFailure,
  StoredToken,
  StoreLock,
  TokenStore,
} from "../store/token-store.ts";

interface Entry {
  generation: number;
  token?: StoredToken;
  failure?: StoredFailure;
}

/** Keeps every promise of a `TokenStore`, but that another process sees what it holds. */
export class MemoryTokenStore implements TokenStore {
  readonly #entries = new Map<string, Entry>();
  readonly #locks = new Set<string>();
  #cleared = 0;

  async load(key: EntryKey): Promise<StoredEntry> {
    const entry = this.#entries.get(nameOf(key));
    const generation = { store: this.#cleared, entry: entry?.generation ?? 0 };
    return { generation, token: entry?.token, failure: entry?.failure };
  }

  async tryLock(key: EntryKey, lane: 0 | 1 | 2): Promise<StoreLock | undefined> {
    const name = `${lane} ${nameOf(key)}`;
    if (this.#locks.has(name)) return undefined;
    this.#locks.add(name);
    let held = true;
    const release = async () => {
      if (held) this.#locks.delete(name);
      held = false;
    };
    return { release };
  }

  async save(key: EntryKey, token: StoredToken, over: Generation | undefined): Promise<boolean> {
    const { generation } = await this.load(key);
    if (over !== undefined && (over.store !== generation.store || over.entry !== generation.entry))
      return false;
    this.#entries.set(nameOf(key), { generation: generation.entry + 1, token });
    return true;
  }

  async saveFailure(key: EntryKey, failure: StoredFailure): Promise<void> {
    const entry = this.#entries.get(nameOf(key)) ?? { generation: 0 };
    this.#entries.set(nameOf(key), { ...entry, failure });
  }

  async invalidate(beginning: EntryKey): Promise<void> {
    const start = nameOf(beginning);
    for (const [name, { generation }] of this.#entries)
      if (name.startsWith(start)) this.#entries.set(name, { generation: generation + 1 });
    // An entry whose first fetch has begun is not there yet.
    if (!this.#entries.has(start)) this.#entries.set(start, { generation: 1 });
  }

  async clear(): Promise<void> {
    this.#cleared += 1;
    this.#entries.clear();
  }

  /** Every token that is held, for a test to look at. */
  get tokens(): StoredToken[] {
    return [...this.#entries.values()].flatMap(({ token }) => token ?? []);
  }

  /** How many locks are held. */
  get heldLocks(): number {
    return this.#locks.size;
  }
}

function nameOf(key: EntryKey): string {
  return Array.from(key, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
