// What a store is to forget, until it has. What it could not forget is not taken from it either, and it is asked again.
import { settleAll } from "./settle-all.ts";
import type { Patience, Patient } from "./store/patience.ts";
import type { EntryKey, StoredToken, TokenStore } from "./store/token-store.ts";
import type { Clocks } from "./store/walk.ts";

interface Owed {
  readonly beginning: EntryKey;
  /** When it was asked for, in milliseconds since the Unix epoch: what was acquired later is not meant. */
  readonly at: number;
  asked: Promise<void> | undefined;
}

export class Forgetting {
  readonly #store: TokenStore;
  readonly #patience: Patience;
  readonly #host: Clocks & Patient;
  readonly #owed = new Map<string, Owed>();

  constructor(store: TokenStore, patience: Patience, host: Clocks & Patient) {
    this.#store = store;
    this.#patience = patience;
    this.#host = host;
  }

  /** Has the store forget what begins with these keys. Rejects where it cannot, when it was asked for all of them. */
  forget(beginnings: readonly EntryKey[]): Promise<void> {
    const at = this.#host.unixMillis();
    return settleAll(beginnings.map((beginning) => this.#ask({ beginning, at, asked: undefined })));
  }

  /** Asks once more for what the store did not forget. */
  async again(): Promise<void> {
    await Promise.allSettled([...this.#owed.values()].map((owed) => owed.asked ?? this.#ask(owed)));
  }

  /** The store still has the token, and should not. */
  covers(key: EntryKey, token: StoredToken): boolean {
    return [...this.#owed.values()].some(
      ({ beginning, at }) => token.acquiredAt <= at && beginning.every((byte, index) => key[index] === byte),
    );
  }

  #ask(owed: Owed): Promise<void> {
    const name = String(owed.beginning);
    this.#owed.set(name, owed);
    const forgotten = (async () => this.#store.invalidate(owed.beginning))();
    const settle = () => {
      if (this.#owed.get(name) === owed) this.#owed.delete(name);
    };
    forgotten.then(settle, () => {});
    owed.asked = this.#patience
      .bounded(this.#host, () => forgotten)
      .finally(() => {
        owed.asked = undefined;
      });
    return owed.asked;
  }
}
