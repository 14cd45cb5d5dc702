// What a token stands under in a store, and whose login that is: whatever keeps keys of its own kind says both.
import type { LoginWatch } from "./platform.ts";
import type { Details } from "./slot.ts";
import type { EntryKey, StoredLogin } from "./store/token-store.ts";

/** An entry of a store, and the login that it belongs to. */
export interface Shelved {
  readonly key: EntryKey;
  /** As it is when the fetch begins. */
  readonly login: StoredLogin;
  /** A user name, for a person. */
  readonly account: string | undefined;
  /** The login as it is now; `undefined`: nobody can say any more whose the token is. */
  readonly loginNow: () => StoredLogin | undefined;
}

/** What the tokens of one credential are kept under. */
export interface Keys {
  /** The entry of a request; `undefined` where nobody can say whose it is. */
  find(scopes: readonly string[], details: Details): Shelved | undefined;
  /** What stands for everything, a set of scopes, or one request: whole keys, and how keys begin. */
  covering(scopes: readonly string[] | undefined, details: Details | undefined): EntryKey[];
  /** Where nobody is logged in any more: how the keys begin of those who were. */
  vacated(): EntryKey | undefined;
}

/** Requests that nearly everybody makes: of their entries the whole keys are known. */
export const usual: readonly Details[] = [
  { tenantId: undefined, cae: false, claims: undefined },
  { tenantId: undefined, cae: true, claims: undefined },
];

/**
 * Asks after a look of its own. What is known of a login is of the last look, and a process that waits for another one's fetch
 * asks it nothing: it would fetch under a login that is no more. What has moved is still `examine`'s to tell.
 */
export function afterALook<T>(watch: LoginWatch | undefined, ask: () => T): () => T {
  return () => {
    watch?.unchanged(Date.now());
    return ask();
  };
}
