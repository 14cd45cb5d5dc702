// A store in memory: for tests, whose caches share it as processes share a real one, and for tokens that are serialized.
import type {
  EntryKey,
  Generation,
  StoredEntry,
  StoredFailure,
  StoredToken,
  StoreLock,
  TokenStore,
} from "./token-store.ts";

/** A failure is of use for a few seconds, in milliseconds. */
const failureLivesMs = 60_000;
const lanes = [0, 1, 2] as const;

interface Entry {
  readonly key: EntryKey;
  readonly generation: number;
  readonly token?: StoredToken;
  readonly failure?: StoredFailure;
}

/** Keeps every promise of a `TokenStore`, but that another process sees what it holds. */
export class MemoryTokenStore implements TokenStore {
  readonly #entries = new Map<string, Entry>();
  readonly #locks = new Set<string>();
  readonly #maxEntries: number;
  #cleared = 0;
  /** A token came or went since somebody set this to `false`. */
  hasChanged = false;

  /** With `maxEntries` it lets go, at each save, of what is of no use any more, and of what came first. */
  constructor(maxEntries = Number.POSITIVE_INFINITY) {
    this.#maxEntries = maxEntries;
  }

  async load(key: EntryKey): Promise<StoredEntry> {
    const entry = this.#entries.get(nameOf(key));
    return { generation: this.#generationOf(key), token: entry?.token, failure: entry?.failure };
  }

  async tryLock(key: EntryKey, lane: 0 | 1 | 2): Promise<StoreLock | undefined> {
    const name = lockOf(nameOf(key), lane);
    if (this.#locks.has(name)) return undefined;
    this.#locks.add(name);
    let held = true;
    const release = async () => {
      if (held) this.#locks.delete(name);
      held = false;
    };
    return { release };
  }

  /** Looks and saves in one turn: of saves at once a single one is over the generation that all of them saw. */
  async save(
    key: EntryKey,
    { ageMs: _, ...token }: StoredToken,
    over: Generation | undefined,
  ): Promise<boolean> {
    const generation = this.#generationOf(key);
    if (over !== undefined && (over.store !== generation.store || over.entry !== generation.entry))
      return false;
    this.#put({ key, generation: generation.entry + 1, token });
    this.#makeRoom(token.acquiredAt);
    return true;
  }

  async saveFailure(key: EntryKey, failure: StoredFailure): Promise<void> {
    const entry = this.#entries.get(nameOf(key)) ?? { key, generation: 0 };
    this.#entries.set(nameOf(key), { ...entry, failure });
    this.#makeRoom(failure.failedAt);
  }

  async invalidate(beginning: EntryKey): Promise<void> {
    const start = nameOf(beginning);
    for (const [name, { key, generation }] of [...this.#entries])
      if (name.startsWith(start)) this.#put({ key, generation: generation + 1 });
    // An entry whose first fetch has begun is not there yet.
    if (!this.#entries.has(start)) this.#put({ key: beginning, generation: 1 });
  }

  async clear(): Promise<void> {
    this.#cleared += 1;
    this.#entries.clear();
    this.hasChanged = true;
  }

  /** Every token, and what it stands under. */
  get held(): (readonly [EntryKey, StoredToken])[] {
    return [...this.#entries.values()].flatMap(({ key, token }) =>
      token === undefined ? [] : [[key, token] as const],
    );
  }

  /** How many locks are held. */
  get heldLocks(): number {
    return this.#locks.size;
  }

  #generationOf(key: EntryKey): Generation {
    return { store: this.#cleared, entry: this.#entries.get(nameOf(key))?.generation ?? 0 };
  }

  #put(entry: Entry): void {
    const name = nameOf(entry.key);
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    this.hasChanged = true;
  }

  /** Of an entry that is being fetched the generation stays: the result may be one that is to be kept out. */
  #makeRoom(now: number): void {
    if (this.#maxEntries === Number.POSITIVE_INFINITY) return;
    const isFree = (name: string) => lanes.every((lane) => !this.#locks.has(lockOf(name, lane)));
    const free = [...this.#entries].filter(([name]) => isFree(name));
    for (const [name, entry] of free) if (isSpent(entry, now)) this.#entries.delete(name);
    for (const [name] of free) {
      if (this.#entries.size <= this.#maxEntries) return;
      this.hasChanged = this.#entries.delete(name) || this.hasChanged;
    }
  }
}

function lockOf(name: string, lane: 0 | 1 | 2): string {
  return `${lane} ${name}`;
}

function isSpent({ token, failure }: Entry, now: number): boolean {
  const tokenEnds = token?.expiresAt ?? Number.NEGATIVE_INFINITY;
  const failureEnds = failure === undefined ? Number.NEGATIVE_INFINITY : failure.failedAt + failureLivesMs;
  return Math.max(tokenEnds, failureEnds) <= now;
}

function nameOf(key: EntryKey): string {
  return Array.from(key, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
