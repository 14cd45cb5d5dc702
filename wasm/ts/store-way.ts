// Takes the runs of a cache by way of its store: a look, which often answers, and only then the walk.
import type { AccessToken } from "./credential.ts";
import type { EngineModule, UsableTerms } from "./engine.ts";
import { LoginMovedError, StoreBusyError, StoredFailureError, StoreTimeoutError } from "./errors.ts";
import { type EventListener, type EventSubject, storeFailed } from "./events.ts";
import type { Owner } from "./owner.ts";
import type { Limits } from "./policy.ts";
import { listOf } from "./request.ts";
import type { Run } from "./run.ts";
import type { Shelf } from "./shelf.ts";
import type { Shelved } from "./shelf-keys.ts";
import type { StoreHost } from "./store/obtain.ts";
import { accessTokenOf } from "./store/stored-token.ts";
import type { StoredEntry, StoredFailure, StoredToken } from "./store/token-store.ts";
import type { Terms } from "./store/walk.ts";

/** What the cache gives. */
export interface StoreWayHost {
  readonly emit: EventListener;
  started(run: Run): void;
  monotonicMillis(): number;
  unixMillis(): number;
  after(run: () => void, milliseconds: number, keepAlive: boolean): () => void;
  limitOf(owner: Owner): number;
  subjectOf(run: Run): EventSubject;
}

/** What only a cache with a store needs, once one did. */
let stored: typeof import("./store.ts") | undefined;

export class StoreWay implements StoreHost {
  readonly #host: StoreWayHost;
  readonly #module: EngineModule;
  readonly #limits: Limits;
  readonly emit: EventListener;
  readonly storeErrors = {
    failedElsewhere: (failure: StoredFailure) => new StoredFailureError(failure),
    busy: () => new StoreBusyError(),
    moved: () => new LoginMovedError(),
  };

  constructor(host: StoreWayHost, module: EngineModule, limits: Limits) {
    this.#host = host;
    this.#module = module;
    this.#limits = limits;
    this.emit = host.emit;
  }

  /** The token of a run, `null` or its error; `call` runs the credential. */
  async obtain(run: Run, shelf: Shelf, call: () => Promise<unknown>): Promise<unknown> {
    const { scopes, details } = run.slot;
    const shelved = shelf.find(listOf(scopes), details);
    if (shelved === undefined) {
      shelf.vacate();
      this.emit({ type: "memory-only", ...this.subjectOf(run) });
      return call();
    }
    const found = details.claims === undefined ? await this.#firstLook(run, shelf, shelved) : undefined;
    const token = this.#usable(run, shelf, shelved, found?.token);
    if (token !== undefined || run.aborted) return token;
    stored ??= await import("./store.ts");
    if (run.aborted) return undefined;
    return stored.obtain(run, shelf, { ...shelved, found }, call, this);
  }

  /**
   * What is in the store; `undefined` where it cannot be looked at. Often its token answers at once, and the way through the
   * store need not even be loaded.
   */
  #firstLook(run: Run, shelf: Shelf, { key }: Shelved): Promise<StoredEntry | undefined> {
    const look = async () => {
      await shelf.ready();
      return shelf.load(key);
    };
    return shelf.patience.within(this, look).catch((error) => {
      this.emit(storeFailed(this.subjectOf(run), "load", error));
      return undefined;
    });
  }

  #usable(
    run: Run,
    shelf: Shelf,
    { login }: Shelved,
    stored: StoredToken | undefined,
  ): AccessToken | undefined {
    if (stored === undefined) return undefined;
    const held = shelf.acquiredAt(run.slot.token);
    if (!this.#module.storedIsUsable(stored, login, held, this.terms, this.unixMillis())) return undefined;
    const token = accessTokenOf(stored);
    shelf.acquired.set(token, stored.acquiredAt);
    return token;
  }

  started(run: Run): void {
    this.#host.started(run);
  }

  get terms(): UsableTerms {
    const { minValidity, scaleShortLives } = this.#limits;
    return { minValidityMs: minValidity, scaleShortLives };
  }

  termsOf(run: Run): Omit<Terms, "far"> {
    return { ...this.terms, fetchLimitMs: this.#host.limitOf(run.slot.owner) };
  }

  subjectOf(run: Run): EventSubject {
    return this.#host.subjectOf(run);
  }

  slow(milliseconds: number): Error {
    return new StoreTimeoutError(milliseconds);
  }

  monotonicMillis(): number {
    return this.#host.monotonicMillis();
  }

  unixMillis(): number {
    return this.#host.unixMillis();
  }

  after(run: () => void, milliseconds: number, keepAlive: boolean): () => void {
    return this.#host.after(run, milliseconds, keepAlive);
  }
}
