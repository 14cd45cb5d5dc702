// What a cache needs of a store that several processes share: entries with generations, and locks that end with their holder.

/** An entry, by what tells its token from every other: parts, each behind its length in four bytes, the highest first. */
export type EntryKey = Uint8Array;

/**
 * Where tokens are kept for all processes. `persistentStore()` of `azure-token-cache/node` is one. A store performs; when to
 * look, lock, fetch and save is decided by the cache. Whatever a store rejects with costs a fetch and never an answer.
 */
export interface TokenStore {
  /**
   * `"far"`: a look goes over the network to a server that many machines share, so that whoever waits for another one's
   * fetch looks less often: after 100 ms, then after twice as long each time, up to 2 s. Else after 10 to 200 ms.
   */
  readonly pace?: "near" | "far" | undefined;

  /** Looks at an entry. What cannot be read, opened or understood is not there. */
  load(key: EntryKey): Promise<StoredEntry>;

  /**
   * Takes a lock of an entry if it is free; never waits. Resolves to `undefined` where another process holds it. A lock ends
   * with the process that holds it. Lane 0 is for the one fetch, 1 and 2 are for those whose patience is over.
   */
  tryLock(key: EntryKey, lane: 0 | 1 | 2): Promise<StoreLock | undefined>;

  /**
   * Keeps a token, and raises the generation of the entry by one; as a whole or not at all. With `over` only where the
   * generation is still that one: resolves to `false` where it is not. `lock` is the one that the fetch held, and needs no
   * longer: a store whose locks can pass to others before they are released refuses where that happened, and may release
   * it with the save.
   */
  save(
    key: EntryKey,
    token: StoredToken,
    over: Generation | undefined,
    lock?: StoreLock | undefined,
  ): Promise<boolean>;

  /** Keeps a failure for those who wait for the fetch that failed. Of `lock` the same is true as of a save's. */
  saveFailure(key: EntryKey, failure: StoredFailure, lock?: StoreLock | undefined): Promise<void>;

  /**
   * Forgets the tokens whose keys begin with these parts, and keeps out the results of their fetches that have begun; of a
   * whole key also where there is no token yet, and with the failure. A cache whose store rejects here takes none of these
   * tokens from it any more, and asks again before its next look.
   */
  invalidate(beginning: EntryKey): Promise<void>;

  /** Forgets every token and failure, and keeps out the results of fetches that have begun. */
  clear(): Promise<void>;
}

/** A lock that is held. */
export interface StoreLock {
  release(): Promise<void>;
}

/** Rises with each change, so that a result of before the change cannot replace it. */
export interface Generation {
  /** Of the whole store: clearing it raises this. */
  readonly store: number;
  /** Of the entry: saving and invalidating raise this. */
  readonly entry: number;
}

/** What there is of an entry. */
export interface StoredEntry {
  readonly generation: Generation;
  readonly token?: StoredToken | undefined;
  readonly failure?: StoredFailure | undefined;
}

/** Digests of the files that tell who is logged in: `""` where nobody can change it. Equal ones mean the same login. */
export interface StoredLogin {
  /** Of the files that name the account. */
  readonly account: string;
  /** Of the files that hold its secrets. */
  readonly session: string;
}

/** A token, and what is known of it. Times are milliseconds since the Unix epoch. */
export interface StoredToken {
  readonly token: string;
  readonly expiresAt: number;
  readonly refreshAt?: number | undefined;
  readonly acquiredAt: number;
  /** How long ago that was by a clock that nobody sets, where the store knows: set by `load`, not read by `save`. */
  readonly ageMs?: number | undefined;
  readonly login: StoredLogin;
  readonly tokenType?: string | undefined;
  /** Whose it is, for a person: a user name, or nothing. */
  readonly account?: string | undefined;
  readonly tenantId?: string | undefined;
  /** Whatever else the credential returned, as JSON can say it. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
}

/** A failed fetch. It never holds a token. */
export interface StoredFailure {
  /** When it failed, in milliseconds since the Unix epoch. */
  readonly failedAt: number;
  /** The name of the error. */
  readonly name: string;
  readonly message: string;
  readonly network: boolean;
  readonly retryAfterMs?: number | undefined;
  /** The login before the fetch. */
  readonly login: StoredLogin;
}
