// One run of a credential: its own abort signal, never a caller's, and what the login watch said of it.
import { Stability } from "./codes.ts";
import type { GetTokenOptions } from "./credential.ts";
import { LoginContradictionError, OtherOwnerError } from "./errors.ts";
import { type CacheEvent, errorNameOf, type FetchOutcome, type FetchSubject } from "./events.ts";
import { FetchSpan } from "./observe/fetch-span.ts";
import type { LoginWatch, Run as Watched } from "./platform.ts";
import type { Shelf } from "./shelf.ts";
import type { Slot, Thrown } from "./slot.ts";
import type { StoredFetch } from "./store/stored-fetch.ts";
import { frozenCopy, type OwnerClaims, ownerClaimsOf } from "./token.ts";

/** What a run tells the cache while it goes. */
export interface RunListener {
  /** Gets the token by way of the store that the credential's cache shares with other processes. */
  obtain(run: Run, shelf: Shelf, call: () => Promise<unknown>): Promise<unknown>;
  /** The credential starts only now, having waited for the login to be quiet. */
  started(run: Run): void;
  /** The login moved while it ran. */
  moved(run: Run): void;
  /** The token is the first of another user. */
  otherUser(run: Run): void;
  /** Whether a token of this owner may be the credential's. */
  owned(run: Run, owner: OwnerClaims): boolean;
}

/**
 * Set in a run's options: our own `AzureCliCredential` then keeps no process alive, since the cache does while its callers
 * wait. Other credentials are called as an SDK would: in front the property cannot be seen; behind it can, so that a chain
 * that copies its options passes it on.
 */
const behindMark = Symbol.for("azure-token-cache.behind");

/**
 * Set on the abort signal of a run, which a chain hands on to its parts: `azure-token-cache/register`, which caches all of a
 * program's credentials, lets such a call pass. So there is no cache inside a cache.
 */
const runMark = Symbol.for("azure-token-cache.run");

export class Run {
  readonly fetch: number;
  readonly job: number;
  readonly slot: Slot;
  readonly subject: FetchSubject;
  readonly startedAt: number;
  stability: number = Stability.Steady;
  session = 0;
  aborted = false;
  /** Its token was somebody else's. */
  refused = false;
  /** It took longer than its limit. */
  overdue = false;
  /** What it brings. */
  answer!: Promise<unknown>;
  /** Its way through the store, where there is one. */
  stored: StoredFetch | undefined;
  readonly #tracing: GetTokenOptions["tracingOptions"];
  readonly #listener: RunListener;
  /** Made for the credential: often there is a stored token, and nothing to abort. */
  #controller: AbortController | undefined;
  #span: FetchSpan | undefined;
  #release: (nothing: undefined) => void = () => {};

  constructor(
    fetch: number,
    job: number,
    slot: Slot,
    subject: FetchSubject,
    startedAt: number,
    tracing: GetTokenOptions["tracingOptions"],
    listener: RunListener,
  ) {
    this.fetch = fetch;
    this.job = job;
    this.slot = slot;
    this.subject = subject;
    this.startedAt = startedAt;
    this.#tracing = tracing;
    this.#listener = listener;
  }

  get behind(): boolean {
    return this.subject.behind;
  }

  /** Calls the credential. The promise settles at `abort` at the latest. */
  begin(): Promise<unknown> {
    this.#span = FetchSpan.begin(this.subject, this.#tracing);
    this.answer = new Promise((resolve, reject) => {
      this.#release = resolve;
      this.#answer().then(resolve, reject);
    });
    return this.answer;
  }

  /** Lets go of a credential whose answer is not wanted, and tells it so, if its kind may be told. */
  abort(): void {
    this.aborted = true;
    this.stored?.cancel();
    if (this.slot.owner.kind.abortable) this.#controller?.abort();
    this.#release(undefined);
  }

  /** It has ended; the event that tells so. */
  end(outcome: FetchOutcome, monotonicMillis: number, thrown: Thrown | undefined): CacheEvent {
    const errorName = thrown && errorNameOf(thrown.error);
    this.#span?.end(outcome, errorName);
    const milliseconds = monotonicMillis - this.startedAt;
    const error = errorName !== undefined && { errorName };
    return { type: "fetch-end", ...this.subject, outcome, milliseconds, ...error };
  }

  #answer(): Promise<unknown> {
    const { watch } = this.slot.owner;
    if (watch === undefined) return this.#obtain().then((value) => this.#owned(value));
    const obtain = () => {
      this.#listener.started(this);
      return this.#obtain();
    };
    return watch.run(obtain).then((result) => this.#owned(this.#judge(result, watch)));
  }

  #obtain(): Promise<unknown> {
    const { shelf } = this.slot.owner;
    return shelf === undefined ? this.#call() : this.#listener.obtain(this, shelf, () => this.#call());
  }

  #call(): Promise<unknown> {
    const { owner, scopes } = this.slot;
    try {
      const given = typeof scopes === "string" ? scopes : [...scopes];
      const call = () => owner.credential.getToken(given, this.#options());
      const answer = this.#span === undefined ? call() : this.#span.within(call);
      return Promise.resolve(answer).then(frozenCopy);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #options(): GetTokenOptions {
    const { tenantId, cae, claims } = this.slot.details;
    const abortSignal = Object.defineProperty(this.#signal(), runMark, { value: true });
    const options: GetTokenOptions = { abortSignal };
    if (tenantId !== undefined) options.tenantId = tenantId;
    if (cae) options.enableCae = true;
    if (claims !== undefined) options.claims = claims;
    const tracing = this.#span === undefined ? this.#tracing : this.#span.tracing;
    if (tracing !== undefined) options.tracingOptions = tracing;
    return Object.defineProperty(options, behindMark, { value: true, enumerable: this.behind });
  }

  #signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.aborted && this.slot.owner.kind.abortable) this.#controller.abort();
    return this.#controller.signal;
  }

  #judge(result: Watched<unknown>, watch: LoginWatch): unknown {
    this.stability = stabilityCodes[result.stability];
    this.session = result.session;
    if (this.stability !== Stability.Steady) this.#listener.moved(this);
    if ("error" in result) throw result.error;
    const token = textOf(result.value);
    if (token !== undefined) this.#admit(watch, token);
    return result.value;
  }

  /** A token that does not count anyway tells nothing of whose it is. */
  #owned(value: unknown): unknown {
    const counts = !this.aborted && this.stability === Stability.Steady;
    const token = counts ? textOf(value) : undefined;
    const owner = token === undefined ? undefined : ownerClaimsOf(token);
    if (owner === undefined || this.#listener.owned(this, owner)) return value;
    this.refused = true;
    throw new OtherOwnerError();
  }

  #admit(watch: LoginWatch, token: string): void {
    const admission = watch.admit(token, this.slot.details.tenantId);
    if (admission === "contradiction") throw new LoginContradictionError();
    if (admission === "otherUser") this.#listener.otherUser(this);
  }
}

function textOf(value: unknown): string | undefined {
  const token = (value as { token?: unknown } | null | undefined)?.token;
  return typeof token === "string" ? token : undefined;
}

const stabilityCodes: Record<Watched<unknown>["stability"], number> = {
  steady: Stability.Steady,
  movedSameAccount: Stability.MovedSameAccount,
  moved: Stability.Moved,
};
