// What someone who keeps bytes has to offer: `seal` makes the store of it that a cache takes.

/**
 * Keeps bytes under names, for all processes that share it. Names are 64 hexadecimal digits, with a suffix of a few letters
 * or none; what is in the bytes nobody can tell. Whatever it rejects with costs a fetch and never an answer.
 */
export interface ByteStore {
  /** `"far"` where its bytes are beyond the network, so that whoever waits for another one's fetch looks less often. */
  readonly pace?: "near" | "far" | undefined;

  /** The bytes under a name; `null` or `undefined` where there are none. */
  load(name: string): Promise<Uint8Array | null | undefined>;

  /**
   * Replaces the bytes under a name, as a whole or not at all: a reader sees the old ones or the new ones. They are worth
   * nothing after `expiresAt`, in milliseconds since the Unix epoch.
   */
  save(name: string, bytes: Uint8Array, expiresAt: number): Promise<void>;

  /** Removes what is under a name; nothing may be there. */
  remove(name: string): Promise<void>;

  /** All names. */
  list(): Promise<readonly string[]>;

  /**
   * Takes a lock if it is free, and never waits: resolves to what lets go of it, or to `null`. A lock must end with the
   * process that holds it, or after a time that no fetch takes.
   */
  lock(name: string): Promise<(() => Promise<void> | void) | null>;

  /** Removes everything. */
  clear(): Promise<void>;
}

/**
 * A key of 32 random bytes, or several: the first seals, all open, so that keys can be changed one after the other. Programs
 * with the same keys in another order have one token and one fetch together.
 */
export interface SealOptions {
  readonly key?: Uint8Array;
  readonly keys?: readonly Uint8Array[];
}
