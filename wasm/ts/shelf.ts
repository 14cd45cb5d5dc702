// Where one credential's tokens stand in a store: its keys, and what must be waited for before it is looked at.
import type { AccessToken } from "./credential.ts";
import type { LoginWatch } from "./platform.ts";
import type { Details } from "./slot.ts";
import { beginningOf, entryKey } from "./store/entry-key.ts";
import { Patience } from "./store/patience.ts";
import type { EntryKey, StoredLogin, TokenStore } from "./store/token-store.ts";
import type { Whose } from "./whose.ts";

/** An entry of a store, and the login that it belongs to. */
export interface Shelved {
  readonly key: EntryKey;
  /** As it is when the fetch begins. */
  readonly login: StoredLogin;
  /** A user name, for a person. */
  readonly account: string | undefined;
  /** The login as it is now; `undefined`: nobody is logged in. */
  readonly loginNow: () => StoredLogin | undefined;
}

/** The parts of a key that every request of a credential has, and those that a set of scopes has. */
const parts = { named: { credential: 4, scopes: 5 }, watched: { credential: 4, scopes: 6 } } as const;

const plain: Details = { tenantId: undefined, cae: false, claims: undefined };
const plainCae: Details = { ...plain, cae: true };

const nobodys: StoredLogin = { account: "", session: "" };

export class Shelf {
  readonly store: TokenStore;
  /** When tokens that callers have were acquired, in milliseconds since the Unix epoch. */
  readonly acquired = new WeakMap<AccessToken, number>();
  readonly #kind: string;
  readonly #whose: Whose;
  readonly #watch: LoginWatch | undefined;
  readonly patience = new Patience();
  #invalidated: Promise<void> = Promise.resolve();

  constructor(store: TokenStore, kind: string, whose: Whose, watch: LoginWatch | undefined) {
    this.store = store;
    this.#kind = kind;
    this.#whose = whose;
    this.#watch = watch;
  }

  /** The entry of a request; `undefined` where nobody can say whose it is. */
  find(scopes: readonly string[], { tenantId, cae }: Details): Shelved | undefined {
    if (this.#whose !== "login") return this.#named(this.#whose, scopes, tenantId, cae);
    const look = () => this.#watch?.stored?.({ scopes, tenantId });
    const found = look();
    return found && { ...found, account: found.account, loginNow: () => look()?.login };
  }

  #named(
    whose: Exclude<Whose, "login">,
    scopes: readonly string[],
    tenantId: string | undefined,
    cae: boolean,
  ): Shelved | undefined {
    const loginNow = () => ("named" in whose || whose.told.isStill() ? nobodys : undefined);
    const login = loginNow();
    const key = namedKey(this.#kind, whose, scopes, tenantId, cae);
    return login && { key, login, account: undefined, loginNow };
  }

  /** When a token that is held was acquired; NaN: none is held, or none that is known. */
  acquiredAt(token: AccessToken | undefined): number {
    return (token && this.acquired.get(token)) ?? Number.NaN;
  }

  /** All that was invalidated is gone from the store. */
  ready(): Promise<void> {
    return this.#invalidated;
  }

  /** Forgets in the store what the cache forgets: everything, a set of scopes, or one request. */
  invalidate(scopes: readonly string[] | undefined, details: Details | undefined): Promise<void> {
    const keys = this.#keysOf(scopes, details);
    const done = this.#invalidated.then(async () => {
      for (const key of keys) await this.store.invalidate(key);
    });
    this.#invalidated = done.catch(() => {});
    return done;
  }

  /** Nobody may be logged in any more: then what is left in the store of those who were is of no use to anybody. */
  vacate(): void {
    const key = this.#watch?.vacated?.();
    if (key === undefined) return;
    this.#invalidated = this.#invalidated.then(() => this.store.invalidate(key)).catch(() => {});
  }

  /** What stands for them in the store; of a set of scopes also the requests that nearly everybody makes, by whole keys. */
  #keysOf(scopes: readonly string[] | undefined, details: Details | undefined): EntryKey[] {
    const known = details === undefined ? [plain, plainCae] : [details];
    const keys = known.flatMap((each) => this.find(scopes ?? ["none"], each)?.key ?? []);
    const [first] = keys;
    if (first === undefined || details !== undefined) return keys;
    const { credential, scopes: ofScopes } = this.#whose === "login" ? parts.watched : parts.named;
    return scopes === undefined ? [beginningOf(first, credential)] : [...keys, beginningOf(first, ofScopes)];
  }
}

/** What the credential honours in general: the set of scopes, the tenant and CAE. */
function namedKey(
  kind: string,
  whose: Exclude<Whose, "login">,
  scopes: readonly string[],
  tenantId: string | undefined,
  cae: boolean,
): EntryKey {
  const set = entryKey([...new Set(scopes)].sort());
  const tenant = tenantId === undefined ? "any tenant" : `tenant ${tenantId}`;
  // A program may name by chance what is told of another credential.
  const named =
    "named" in whose ? (["named", whose.named] as const) : (["told", whose.told.partition] as const);
  return entryKey(["token 1", kind, ...named, set, tenant, cae ? "cae" : ""]);
}
