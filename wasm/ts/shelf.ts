// Where one credential's tokens stand in a store, and what must be waited for before it is looked at.
import type { AccessToken } from "./credential.ts";
import type { LoginWatch } from "./platform.ts";
import { AzKeys } from "./shelf-az.ts";
import { Forgetting } from "./shelf-forgetting.ts";
import type { Keys, Shelved } from "./shelf-keys.ts";
import { PartitionKeys } from "./shelf-partition.ts";
import type { Details } from "./slot.ts";
import { Patience, type Patient } from "./store/patience.ts";
import { readEntry } from "./store/read-entry.ts";
import type { EntryKey, StoredEntry, TokenStore } from "./store/token-store.ts";
import type { Clocks } from "./store/walk.ts";
import type { Whose } from "./whose.ts";

/** The keys of one credential, whose tokens are kept as `whose` says. */
export function keysFor(kind: string, whose: Whose, watch: LoginWatch | undefined): Keys {
  return whose === "login" ? new AzKeys(watch) : new PartitionKeys(kind, whose, watch);
}

export class Shelf {
  readonly store: TokenStore;
  /** When tokens that callers have were acquired, in milliseconds since the Unix epoch. */
  readonly acquired = new WeakMap<AccessToken, number>();
  readonly patience = new Patience();
  readonly #keys: Keys;
  readonly #forgetting: Forgetting;
  readonly #unfinished = new Set<Promise<void>>();

  constructor(store: TokenStore, keys: Keys, host: Clocks & Patient) {
    this.store = store;
    this.#keys = keys;
    this.#forgetting = new Forgetting(store, this.patience, host);
  }

  /** The entry of a request; `undefined` where nobody can say whose it is. */
  find(scopes: readonly string[], details: Details): Shelved | undefined {
    return this.#keys.find(scopes, details);
  }

  /** When a token that is held was acquired; NaN: none is held, or none that is known. */
  acquiredAt(token: AccessToken | undefined): number {
    return (token && this.acquired.get(token)) ?? Number.NaN;
  }

  /** A fetch brought a token, which is in the store when this is over. */
  finishes(over: Promise<void>): void {
    this.#unfinished.add(over);
    void over.then(() => this.#unfinished.delete(over));
  }

  /** What was fetched is in the store, or cannot be. */
  async finished(): Promise<void> {
    await Promise.all(this.#unfinished);
  }

  /** All that was invalidated is gone from the store, or the store was asked for that once more. */
  ready(): Promise<void> {
    return this.#forgetting.again();
  }

  /** Looks at an entry. A token that was invalidated is not there, though the store could not forget it. */
  async load(key: EntryKey): Promise<StoredEntry> {
    const entry = readEntry(await this.store.load(key));
    const { token, ...others } = entry;
    return token !== undefined && this.#forgetting.covers(key, token) ? others : entry;
  }

  /** Forgets in the store what the cache forgets: everything, a set of scopes, or one request. */
  invalidate(scopes: readonly string[] | undefined, details: Details | undefined): Promise<void> {
    return this.#forgetting.forget(this.#keys.covering(scopes, details));
  }

  /** Nobody may be logged in any more: then what is left in the store of those who were is of no use to anybody. */
  vacate(): void {
    const key = this.#keys.vacated();
    if (key !== undefined) this.#forgetting.forget([key]).catch(() => {});
  }
}
