// The walk's types, written by hand, and how its wasm comes to life: at the first use of a store.

import type { UsableTerms } from "../engine.ts";
import { initSync, Walk as Raw } from "../generated/store.js";
import { walkModule } from "../load/walk.ts";
import { digest } from "./digest.ts";
import type { Generation, StoredEntry, StoredLogin } from "./token-store.ts";

/** What the host does next. */
export const Step = {
  Load: 0,
  Lock: 1,
  Sleep: 2,
  Fetch: 3,
  SaveOverGeneration: 4,
  SaveOverAnything: 5,
  SaveFailure: 6,
  Unlock: 7,
  Done: 8,
} as const;

/** What callers get. */
export const Answer = { None: 0, Stored: 1, StoredFailure: 2, Again: 3, Exhausted: 4 } as const;

/** What came of trying a lock. */
export const Locking = { Taken: 0, Busy: 1, Unavailable: 2 } as const;

/** What of a policy counts for a walk. Times are milliseconds. */
export interface Terms extends UsableTerms {
  readonly fetchLimitMs: number;
  /** A look goes to a server that many share: it looks less often. */
  readonly far: boolean;
}

/** What a walk is to get. */
export interface Wanted {
  readonly login: StoredLogin;
  /** When the token that is held, and due, was acquired; NaN: none is held. */
  readonly held: number;
  readonly challenged: boolean;
  /** Nobody waits: callers have the held token meanwhile. */
  readonly behind: boolean;
}

/** Both clocks, in milliseconds. */
export interface Clocks {
  monotonicMillis(): number;
  unixMillis(): number;
}

let ready = false;

/** The way of one process to one token, decided by core. */
export class Walk {
  readonly #raw: Raw;
  readonly #clocks: Clocks;

  constructor(wanted: Wanted, terms: Terms, clocks: Clocks) {
    if (!ready) {
      initSync({ module: walkModule() });
      ready = true;
    }
    this.#clocks = clocks;
    this.#raw = new Raw(
      digest(wanted.login.account),
      digest(wanted.login.session),
      wanted.held,
      wanted.challenged,
      wanted.behind,
      terms.minValidityMs,
      terms.scaleShortLives,
      terms.fetchLimitMs,
      terms.far,
      Math.random() * 2 ** 53,
      clocks.monotonicMillis(),
      clocks.unixMillis(),
    );
  }

  /** One of `Step`. */
  get step(): number {
    return this.#raw.step();
  }

  /** Of a lock and an unlock. */
  get lane(): 0 | 1 | 2 {
    return this.#raw.detail() as 0 | 1 | 2;
  }

  /** Of a sleep, in monotonic milliseconds. */
  get until(): number {
    return this.#raw.detail();
  }

  /** Of a save over a generation. */
  get over(): Generation {
    return { store: this.#raw.store_generation(), entry: this.#raw.detail() };
  }

  /** A look found this, or failed; `moved`: the login is not that of the walk any more. One of `Answer`. */
  loaded(found: StoredEntry | undefined, moved: boolean): number {
    if (found !== undefined) this.#tell(found);
    return this.#raw.loaded(moved, this.#clocks.monotonicMillis(), this.#clocks.unixMillis());
  }

  /** One of `Locking`. One of `Answer`. */
  locked(locking: number): number {
    return this.#raw.locked(locking, this.#clocks.monotonicMillis(), this.#clocks.unixMillis());
  }

  timeout(): void {
    this.#raw.timeout(this.#clocks.monotonicMillis(), this.#clocks.unixMillis());
  }

  /** One of `Ending`. */
  fetched(ending: number): void {
    this.#raw.fetched(ending);
  }

  saved(): void {
    this.#raw.note(0);
  }

  unlocked(): void {
    this.#raw.note(1);
  }

  cancel(): void {
    this.#raw.note(2);
  }

  /** Gives its memory back. */
  free(): void {
    this.#raw.free();
  }

  #tell({ generation, token, failure }: StoredEntry): void {
    this.#raw.found_generation(generation.store, generation.entry);
    if (token !== undefined) {
      const { expiresAt, acquiredAt, ageMs, login } = token;
      const [account, session] = [digest(login.account), digest(login.session)];
      this.#raw.found_token(expiresAt, acquiredAt, ageMs ?? Number.NaN, account, session);
    }
    if (failure !== undefined) {
      const { failedAt, login } = failure;
      this.#raw.found_failure(failedAt, failedAt, digest(login.account), digest(login.session));
    }
  }
}
