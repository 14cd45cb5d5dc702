// Gets one token by way of the store: performs the walk, and answers as soon as there is an answer.
import type { AccessToken } from "../credential.ts";
import type { StoreOperation } from "../events.ts";
import { isNetwork, retryAfter } from "../failure.ts";
import type { Shelved } from "../shelf-keys.ts";
import { Ending } from "./ending.ts";
import { accessTokenOf, storedTokenOf } from "./stored-token.ts";
import type {
  EntryKey,
  Generation,
  StoredEntry,
  StoredFailure,
  StoreLock,
  TokenStore,
} from "./token-store.ts";
import { Answer, type Clocks, Locking, Step, type Terms, Walk } from "./walk.ts";

/** What is asked of the store, and for whom. */
export interface StoredRequest extends Shelved {
  /** What the first look found, which is not repeated; `undefined` where it failed, or a challenge is answered. */
  readonly found: StoredEntry | undefined;
  readonly store: TokenStore;
  readonly tenantId: string | undefined;
  readonly challenged: boolean;
  /** Nobody waits: callers have the held token meanwhile. */
  readonly behind: boolean;
  /** When the token that is held, and due, was acquired; NaN: none is held. */
  readonly held: number;
  readonly terms: Terms;
}

/** What a stored fetch needs of the cache that it serves. */
export interface StoredFetchHost extends Clocks {
  /** Looks at an entry of the store. */
  load(key: EntryKey): Promise<StoredEntry>;
  /** Runs the credential. */
  fetch(): Promise<AccessToken | null>;
  /** The cache has taken the token, which is in the store when this is over. */
  saves(over: Promise<void>): void;
  /** When a token that callers get was acquired, in milliseconds since the Unix epoch. */
  acquired(token: AccessToken, at: number): void;
  pause(milliseconds: number): Promise<void>;
  /** Keeps the process alive until what it returns is called, or a few seconds are over. */
  hold(): () => void;
  /** The same, unless the store takes too long. */
  within<T>(work: () => Promise<T>): Promise<T>;
  /** The same, where the work must be begun also when the store took too long a moment ago. */
  bounded<T>(work: () => Promise<T>): Promise<T>;
  readonly errors: StoredErrors;
  /** The store could not do this; the answer comes without it. */
  storeFailed(operation: StoreOperation, error: unknown): void;
}

/** What callers, and events, get where there is neither a token nor an error of the credential's own. */
export interface StoredErrors {
  failedElsewhere(failure: StoredFailure): Error;
  busy(): Error;
  moved(): Error;
}

export class StoredFetch {
  readonly #request: StoredRequest;
  readonly #host: StoredFetchHost;
  readonly #walk: Walk;
  /** What the cache made of the fetch: one of `Ending`. */
  readonly #settled: Promise<number>;
  #settle!: (ending: number) => void;
  #answer!: { resolve(answer: AccessToken | null): void; reject(error: unknown): void };
  #lock: StoreLock | undefined;
  #hasLooked = false;
  /** By the last look. */
  #found: StoredEntry | undefined;
  #fetched: AccessToken | null = null;
  #fetchedAt = 0;
  #failure: { readonly error: unknown; readonly at: number } | undefined;
  #cancelled = false;
  /** Nothing is left to do, in the store neither. */
  readonly over: Promise<void>;
  #end!: () => void;

  constructor(request: StoredRequest, host: StoredFetchHost) {
    this.#request = request;
    this.#host = host;
    this.#walk = new Walk(request, request.terms, host);
    this.#settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** The token, `null` or the error, as soon as there is one. What is left to do is done behind. */
  begin(): Promise<AccessToken | null> {
    return new Promise((resolve, reject) => {
      this.#answer = { resolve, reject };
      this.#perform().catch(reject);
    });
  }

  /** What the cache made of the answer: one of `Ending`. */
  settle(ending: number): void {
    if (ending === Ending.Granted) this.#host.saves(this.over);
    this.#settle(ending);
  }

  /** The credential took too long: who waits for it in another process is to have this error as well. */
  expire(error: unknown): void {
    if (this.#cancelled || this.#walk.step !== Step.Fetch) return;
    this.#fail(error);
    this.#settle(Ending.Failed);
    this.#cancelled = true;
  }

  /** Nobody wants the answer any more. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#walk.cancel();
    this.#settle(Ending.Dropped);
  }

  async #perform(): Promise<void> {
    try {
      for (let { step } = this.#walk; step !== Step.Done; { step } = this.#walk) await this.#do(step);
    } finally {
      this.#cancelled = true;
      this.#walk.free();
      this.#end();
    }
  }

  #do(step: number): Promise<void> {
    switch (step) {
      case Step.Load:
        return this.#load();
      case Step.Lock:
        return this.#tryLock();
      case Step.Sleep:
        return this.#sleep();
      case Step.Fetch:
        return this.#fetch();
      case Step.SaveFailure:
        return this.#saveFailure();
      case Step.Unlock:
        return this.#unlock();
      default:
        return this.#save(step === Step.SaveOverGeneration ? this.#walk.over : undefined);
    }
  }

  async #load(): Promise<void> {
    const { key, found } = this.#request;
    this.#found = this.#hasLooked ? await this.#attempt("load", () => this.#host.load(key)) : found;
    this.#hasLooked = true;
    const { login, loginNow } = this.#request;
    const moved = loginNow()?.account !== login.account;
    this.#tell(this.#walk.loaded(this.#found, moved));
  }

  async #tryLock(): Promise<void> {
    const { store, key } = this.#request;
    const { lane } = this.#walk;
    let locking: number = Locking.Unavailable;
    let isLate = false;
    await this.#attempt("lock", async () => {
      const lock = await store.tryLock(key, lane);
      // A lock that comes after all is nobody's.
      if (isLate) return lock?.release();
      this.#lock = lock;
      locking = lock == null ? Locking.Busy : Locking.Taken;
    });
    isLate = true;
    this.#tell(this.#walk.locked(locking));
  }

  async #sleep(): Promise<void> {
    await this.#host.pause(Math.max(1, Math.ceil(this.#walk.until - this.#host.monotonicMillis())));
    this.#walk.timeout();
  }

  async #fetch(): Promise<void> {
    // Whoever gives up does not wait for a credential that ignores it: the lock is for others.
    await Promise.race([this.#run(), this.#settled]);
    // A program that has its token may have nothing else to do: the next one is to find it in the store.
    const release = this.#host.hold();
    this.#walk.fetched(await this.#settled);
    void this.over.then(release);
  }

  async #run(): Promise<void> {
    try {
      const token = await this.#host.fetch();
      this.#fetchedAt = this.#host.unixMillis();
      // Anything else the cache refuses, and says why.
      if (typeof token === "object" && token !== null) {
        this.#fetched = token;
        this.#host.acquired(token, this.#fetchedAt);
      }
      this.#answer.resolve(token);
    } catch (error) {
      this.#fail(error);
      this.#answer.reject(error);
    }
  }

  /** What failed first counts: an abort at the limit makes the credential fail once more. */
  #fail(error: unknown): void {
    this.#failure ??= { error, at: this.#host.unixMillis() };
  }

  async #save(over: Generation | undefined): Promise<void> {
    const { store, key, account, tenantId, loginNow } = this.#request;
    const token = this.#fetched;
    // Whose it is must still be known: the one who asked may have gone, or signed in as somebody else.
    const login = loginNow();
    if (token !== null && login !== undefined) {
      const about = { acquiredAt: this.#fetchedAt, login, account, tenantId };
      await this.#attempt("save", () => store.save(key, storedTokenOf(token, about), over, this.#lock));
    }
    this.#walk.saved();
  }

  async #saveFailure(): Promise<void> {
    const { store, key, login } = this.#request;
    const { error, at } = this.#failure ?? { error: undefined, at: this.#host.unixMillis() };
    const pause = retryAfter(error, this.#host.unixMillis());
    const failure = {
      failedAt: at,
      ...namedError(error),
      network: isNetwork(error),
      retryAfterMs: Number.isNaN(pause) ? undefined : pause,
      login,
    };
    await this.#attempt("save-failure", () => store.saveFailure(key, failure, this.#lock));
    this.#walk.saved();
  }

  async #unlock(): Promise<void> {
    const lock = this.#lock;
    this.#lock = undefined;
    // A lock that stays is in everybody's way.
    await this.#attempt("unlock", async () => lock?.release(), this.#host.bounded);
    this.#walk.unlocked();
  }

  #tell(answer: number): void {
    const { token, failure } = this.#found ?? {};
    const { errors } = this.#host;
    if (answer === Answer.Stored && token !== undefined) {
      const stored = accessTokenOf(token);
      this.#host.acquired(stored, token.acquiredAt);
      this.#answer.resolve(stored);
    } else if (answer === Answer.StoredFailure && failure !== undefined) {
      this.#answer.reject(errors.failedElsewhere(failure));
    } else if (answer === Answer.Exhausted) {
      this.#answer.reject(errors.busy());
    } else if (answer !== Answer.None) {
      this.#answer.reject(errors.moved());
    }
  }

  async #attempt<T>(
    operation: StoreOperation,
    run: () => Promise<T>,
    patience = this.#host.within,
  ): Promise<T | undefined> {
    try {
      return await patience(run);
    } catch (error) {
      this.#host.storeFailed(operation, error);
      return undefined;
    }
  }
}

/** What may be kept of an error: its name and its message. */
function namedError(error: unknown): { name: string; message: string } {
  if (error instanceof Error) return { name: String(error.name), message: String(error.message) };
  return { name: "Error", message: "the credential threw something that is not an Error" };
}
