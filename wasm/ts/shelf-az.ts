// Keys of az's tokens: where the other programs of the machine look for them too. The login watch knows them.
import type { LoginWatch } from "./platform.ts";
import { afterALook, type Keys, type Shelved, usual } from "./shelf-keys.ts";
import type { Details } from "./slot.ts";
import { beginningOf } from "./store/entry-key.ts";
import type { EntryKey } from "./store/token-store.ts";

/** The parts that all keys of one login begin with, and those for a set of scopes. */
const parts = { login: 4, scopes: 6 } as const;

export class AzKeys implements Keys {
  readonly #watch: LoginWatch | undefined;

  constructor(watch: LoginWatch | undefined) {
    this.#watch = watch;
  }

  find(scopes: readonly string[], { tenantId }: Details): Shelved | undefined {
    const look = () => this.#watch?.stored?.({ scopes, tenantId });
    const found = look();
    const loginNow = afterALook(this.#watch, () => look()?.login);
    return found && { ...found, account: found.account, loginNow };
  }

  covering(scopes: readonly string[] | undefined, details: Details | undefined): EntryKey[] {
    const known = details === undefined ? usual : [details];
    const keys = known.flatMap((each) => this.find(scopes ?? ["none"], each)?.key ?? []);
    const [first] = keys;
    if (first === undefined || details !== undefined) return keys;
    return scopes === undefined
      ? [beginningOf(first, parts.login)]
      : [...keys, beginningOf(first, parts.scopes)];
  }

  vacated(): EntryKey | undefined {
    return this.#watch?.vacated?.();
  }
}
