// Holds tokens, callers and timers for one engine, and carries out what it decides.

import { type Clock, systemClock } from "./clock.ts";
import { Decision, FailReason, Kind, Refusal, Settled, Stability, Zone } from "./codes.ts";
import type { AbortSignalLike, AccessToken, GetTokenOptions, TokenCredential } from "./credential.ts";
import type { Driver, DriverHost, Engine, EngineModule, PolicyNumbers } from "./engine.ts";
import {
  AbortError,
  ClosedError,
  FetchTimeoutError,
  LoginMovedError,
  NotATokenError,
  OptionError,
  ScopesError,
  StoreBusyError,
  StoredFailureError,
  StoreTimeoutError,
  TokenExpiryError,
} from "./errors.ts";
import { type EventListener, type EventSubject, errorNameOf } from "./events.ts";
import {
  type Explanation,
  explain,
  loginUnreadable,
  loginUnreadableYet,
  nothingHeld,
  passedBy,
} from "./explanation.ts";
import { isNetwork, retryAfter } from "./failure.ts";
import type { CheckedOptions } from "./options.ts";
import { Owner } from "./owner.ts";
import {
  type CredentialKind,
  generalKind,
  type LoginWatch,
  type Platform,
  type Verdict,
} from "./platform.ts";
import { type Limits, limitsOf, policyNumbers } from "./policy.ts";
import { Run, type RunListener } from "./run.ts";
import { Shelf, type Shelved } from "./shelf.ts";
import { type Details, Slot, type Thrown } from "./slot.ts";
import { mustHaveStack } from "./stack-room.ts";
import { Ending } from "./store/ending.ts";
import type { StoreHost } from "./store/obtain.ts";
import { readEntry } from "./store/read-entry.ts";
import { accessTokenOf } from "./store/stored-token.ts";
import type { StoredEntry, StoredFailure, StoredToken, TokenStore } from "./store/token-store.ts";
import type { Terms } from "./store/walk.ts";
import { issuedAt } from "./token.ts";
import { Waiters } from "./waiters.ts";

type Answer = AccessToken | null;
type Scopes = string | readonly string[];

/** A caller whose token is overtaken by changes of login this often gets an error instead of one more round. */
const maxRounds = 8;

/** The engine counts limits in 32 bits: 49 days, for one that has none. */
const longestLimit = 2 ** 32 - 1;

/** `setTimeout` takes no more. */
const longestTimer = 2 ** 31 - 1;

/** What only a cache with a store needs, once one did. */
let stored: typeof import("./store.ts") | undefined;

export class CacheHost implements DriverHost, RunListener, StoreHost {
  /** Where the hot path reads the time; `undefined`: `Date.now`, inline. */
  readonly ownClock: Clock | undefined;
  readonly #clock: Clock;
  readonly #platform: Platform;
  readonly #module: EngineModule;
  readonly #policy: PolicyNumbers;
  #engine: Engine;
  #driver: Driver;
  /** What the engine knows of each credential, in the order of its ids. */
  readonly #registered: { readonly kind: number; readonly limit: number }[] = [];
  readonly emit: EventListener | undefined;
  readonly #maxEntries: number;
  readonly #limits: Limits;
  readonly #store: TokenStore | undefined;
  /** By the index in the engine's id; a slot whose own id differs is another's. */
  readonly #slots: (Slot | undefined)[] = [];
  readonly #runs = new Map<number, Run>();
  readonly #waiting = new Map<number, Waiters>();
  /** Tokens that were handed out without being kept, and the login under which. */
  readonly #handedOut = new WeakMap<AccessToken, number>();
  /** Of the caller whose call starts the next fetch. */
  #tracing: GetTokenOptions["tracingOptions"];
  #timer: unknown;
  #timerAt = Number.POSITIVE_INFINITY;
  #timerKeepsAlive = false;
  #closed = false;

  constructor(engine: EngineModule, platform: Platform, options: CheckedOptions) {
    this.#module = engine;
    this.#policy = policyNumbers(options.policy, engine);
    this.#limits = limitsOf(this.#policy);
    this.#platform = platform;
    this.#maxEntries = options.maxEntries;
    this.emit = options.emit;
    this.#store = options.store;
    this.ownClock = options.clock;
    this.#clock = options.clock ?? systemClock;
    this.#engine = this.#newEngine();
    this.#driver = engine.drive(this.#engine);
  }

  /** Makes a credential known. */
  adopt(credential: TokenCredential, watch: LoginWatch | undefined, partition: string | undefined): Owner {
    const kind = this.#platform.kindOf(credential) ?? generalKind;
    const registered = { kind: kindBits(kind), limit: Math.min(kind.limitMs ?? 0, longestLimit) };
    const id = this.#sure(() => this.#engine.register(registered.kind, registered.limit));
    this.#registered.push(registered);
    const shelf = this.#store && new Shelf(this.#store, kind.name, partition, watch);
    return new Owner(id, credential, kind, watch, shelf, this.#maxEntries);
  }

  // ---- Calls

  /** The answer to a call that the hot path could not answer. */
  ask(owner: Owner, scopes: Scopes, options: GetTokenOptions | undefined): Promise<Answer> {
    const { watch } = owner;
    // Who is looked after at most now and then joins a crowd without a look of its own.
    if (options == null && watch?.everyMs !== 0) {
      const crowd = askedSlot(owner, scopes)?.crowd;
      if (crowd !== undefined) {
        owner.waits += 1;
        return crowd;
      }
    }
    mustHaveStack();
    if (watch === undefined) return this.#askOnce(owner, scopes, options);
    if (this.#isUnwatchable(owner, watch)) return passBy(owner, scopes, options);
    // A caller may change its own list while its answer takes more than one round.
    const asked = Array.isArray(scopes) ? [...scopes] : scopes;
    return options == null
      ? this.#askTogether(owner, watch, asked)
      : this.#askWatched(owner, watch, asked, options);
  }

  /** A crowd waits for one answer: the login is looked at once for all of them, when the token has come. */
  #askTogether(owner: Owner, watch: LoginWatch, scopes: Scopes): Promise<Answer> {
    const crowd = askedSlot(owner, scopes)?.crowd;
    if (crowd !== undefined) {
      owner.waits += 1;
      return crowd;
    }
    let slot: Slot | undefined;
    // Once their token has come, who asks is not of the crowd.
    const disperse = () => {
      if (slot !== undefined) slot.crowd = undefined;
    };
    const answer = this.#askWatched(owner, watch, scopes, undefined, disperse);
    slot = askedSlot(owner, scopes);
    if (slot !== undefined) slot.crowd = answer;
    return answer;
  }

  #askOnce(owner: Owner, scopes: Scopes, options: GetTokenOptions | undefined): Promise<Answer> {
    try {
      return this.#sure(() => this.#decide(owner, scopes, options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The login is looked at last, with the token in hand. */
  async #askWatched(
    owner: Owner,
    watch: LoginWatch,
    scopes: Scopes,
    options: GetTokenOptions | undefined,
    arrived?: () => void,
  ): Promise<Answer> {
    for (let round = 0; round < maxRounds; round += 1) {
      if (round > 0 && this.#isUnwatchable(owner, watch)) return passBy(owner, scopes, options);
      const { login } = owner;
      const token = await this.#askOnce(owner, scopes, options).finally(arrived);
      if (token === null || options?.proofOfPossessionOptions != null) return token;
      const before = this.#handedOut.get(token) ?? login;
      if (await this.#isOf(owner, watch, before, options?.abortSignal)) return token;
    }
    throw new LoginMovedError();
  }

  /** Whether the login is still the one that was `login`; false as well where that took a while to find out. */
  async #isOf(
    owner: Owner,
    watch: LoginWatch,
    login: number,
    signal: AbortSignalLike | undefined,
  ): Promise<boolean> {
    if (owner.login === login && watch.unchanged(this.#clock.unixMillis())) return true;
    const verdict = this.#examine(owner, watch);
    if (verdict === "same") return owner.login === login;
    if (typeof verdict === "object" && "error" in verdict) throw verdict.error;
    if (typeof verdict === "object" && "retryAfterMs" in verdict)
      await this.#pause(verdict.retryAfterMs, signal);
    return false;
  }

  /** Whether nobody can say whose login this environment means. What can be said, counts at once. */
  #isUnwatchable(owner: Owner, watch: LoginWatch): boolean {
    return !watch.unchanged(this.#clock.unixMillis()) && this.#examine(owner, watch) === "bypass";
  }

  /** What moved, and its consequence for the tokens that are held. */
  #examine(owner: Owner, watch: LoginWatch): Verdict {
    const verdict = watch.examine();
    if (verdict === "changed") this.#changeLogin(owner, undefined);
    else if (typeof verdict === "object" && "touched" in verdict) this.#changeLogin(owner, verdict.touched);
    return verdict;
  }

  #decide(owner: Owner, scopes: Scopes, options: GetTokenOptions | undefined): Promise<Answer> {
    if (this.#closed || owner.closed) throw new ClosedError();
    const signal = options?.abortSignal ?? undefined;
    if (signal?.aborted === true) throw new AbortError();
    if (options?.proofOfPossessionOptions != null) return passBy(owner, scopes, options);
    // All of the options is read before the engine hears of the call: reading may throw.
    const details = detailsOf(options);
    const tracing = options?.tracingOptions;
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const slot = this.#slotOf(owner, scopes, details);
      if (slot === undefined) break;
      const answer = this.#answer(slot, signal, tracing);
      if (answer !== undefined) return answer;
      this.#retire(slot);
    }
    this.emit?.({ type: "passed-by", ...subjectOf(owner, listOf(scopes), details) });
    return passBy(owner, scopes, options);
  }

  /** `undefined` where the engine does not know the slot's entry any more. */
  #answer(slot: Slot, signal: AbortSignalLike | undefined, tracing: GetTokenOptions["tracingOptions"]) {
    switch (this.#engine.lookup(slot.entry, this.monotonicMillis(), this.unixMillis())) {
      case Decision.Hit:
        return this.#serve(slot);
      case Decision.Refresh: {
        const answer = this.#serve(slot);
        this.#driver.drain(this);
        return answer;
      }
      case Decision.Wait:
        return this.#wait(slot, signal, tracing);
      case Decision.Fail:
        return this.#fail(slot);
      default:
        return undefined;
    }
  }

  #serve(slot: Slot): Promise<AccessToken> | undefined {
    if (slot.answer === undefined) return undefined;
    slot.owner.hits += 1;
    slot.from = this.#engine.from();
    slot.until = this.#engine.until();
    const everyMs = slot.owner.watch?.everyMs ?? 0;
    if (everyMs > 0) slot.until = Math.min(slot.until, slot.from + everyMs);
    return slot.answer;
  }

  #wait(
    slot: Slot,
    signal: AbortSignalLike | undefined,
    tracing: GetTokenOptions["tracingOptions"],
  ): Promise<Answer> {
    slot.owner.waits += 1;
    const answer = this.#join(this.#engine.job(), slot, signal);
    this.#tracing = tracing;
    this.#driver.drain(this);
    this.#tracing = undefined;
    return answer;
  }

  #join(job: number, slot: Slot, signal: AbortSignalLike | undefined): Promise<Answer> {
    let waiters = this.#waiting.get(job);
    if (waiters === undefined) {
      waiters = new Waiters(slot);
      this.#waiting.set(job, waiters);
    }
    const joined = waiters;
    if (signal === undefined) {
      const answer = joined.share();
      // Where no login is looked at, whoever comes meanwhile gets the very same.
      if (slot.owner.watch === undefined) slot.crowd = answer;
      return answer;
    }
    const engine = this.#engine;
    try {
      return joined.shareUntil(signal, () => {
        if (engine === this.#engine) this.#leave(job, joined);
      });
    } catch (error) {
      // A signal that cannot be listened to: the caller whom the engine counted does not wait.
      this.#leave(job, joined);
      throw error;
    }
  }

  #leave(job: number, waiters: Waiters): void {
    if (waiters.isEmpty && this.#waiting.get(job) === waiters) this.#waiting.delete(job);
    this.guarded(() => {
      this.#engine.leave(job, this.monotonicMillis(), this.unixMillis());
      this.#driver.drain(this);
    });
  }

  #fail(slot: Slot): Promise<never> | undefined {
    if (slot.failure === undefined) return undefined;
    const { error } = slot.failure;
    this.emit?.({ type: "failure-remembered", ...subjectOfSlot(slot), errorName: errorNameOf(error) });
    return Promise.reject(error);
  }

  // ---- Slots

  /** The slot of a request; `undefined`: it cannot have one, or the cache is full of fetches in flight. */
  #slotOf(owner: Owner, scopes: Scopes, details: Details): Slot | undefined {
    const { tenantId, cae, claims } = details;
    if (claims === undefined) {
      const known = owner.tree.find(scopes, tenantId, cae);
      if (known !== undefined && known.entry >= 0) return known;
    }
    const list = listOf(scopes);
    if (!isExact(tenantId ?? "") || !isExact(claims ?? "")) return undefined;
    const entry = this.#engine.intern(
      owner.id,
      list,
      tenantId,
      cae,
      claims,
      this.monotonicMillis(),
      this.unixMillis(),
    );
    // What made room for it is forgotten before it can be served once more.
    this.#driver.drain(this);
    if (entry < 0) return refuse(entry);
    const slot =
      this.#at(entry) ??
      this.#place(new Slot(entry, owner, typeof scopes === "string" ? scopes : list, details));
    if (claims === undefined) owner.tree.put(list, tenantId, cae, slot);
    return slot;
  }

  #at(entry: number): Slot | undefined {
    const slot = this.#slots[entry >>> 0];
    return slot?.entry === entry ? slot : undefined;
  }

  #place(slot: Slot): Slot {
    this.#slots[slot.entry >>> 0] = slot;
    return slot;
  }

  /** The engine does not know its entry any more. */
  #retire(slot: Slot): void {
    slot.forget();
    if (slot.entry >= 0) this.#slots[slot.entry >>> 0] = undefined;
    slot.entry = -1;
  }

  // ---- Orders of the driver

  begin(fetch: number, job: number, entry: number): Promise<unknown> {
    const slot = this.#at(entry);
    const tracing = this.#tracing;
    this.#tracing = undefined;
    if (slot === undefined || slot.owner.closed) return Promise.reject(new ClosedError());
    const behind = !this.#waiting.has(job);
    const run = new Run(fetch, job, slot, behind, this.monotonicMillis(), tracing, this);
    this.#runs.set(fetch, run);
    slot.owner.fetches += 1;
    const challenged = slot.details.claims !== undefined;
    this.emit?.({ type: "fetch-start", ...subjectOfSlot(slot), behind, challenged });
    return run.begin();
  }

  abort(fetch: number): void {
    this.#runs.get(fetch)?.abort();
  }

  lapse(entry: number): void {
    this.#at(entry)?.lapse();
  }

  forget(entry: number): void {
    const slot = this.#at(entry);
    if (slot === undefined) return;
    slot.forget();
    const zone = this.#engine.explain(entry, this.monotonicMillis(), this.unixMillis());
    if (zone === Zone.Unknown) this.#retire(slot);
  }

  drained(): void {
    const at = this.#engine.nextTimeout();
    const keepsAlive = this.#waiting.size > 0;
    if (at === this.#timerAt && keepsAlive === this.#timerKeepsAlive) return;
    this.#clearTimer();
    if (at === Number.POSITIVE_INFINITY) return;
    this.#timerAt = at;
    this.#timerKeepsAlive = keepsAlive;
    this.#timer = this.#setTimer(() => this.#timeout(), Math.ceil(at - this.monotonicMillis()), keepsAlive);
  }

  stability(fetch: number): number {
    return this.#runs.get(fetch)?.stability ?? 0;
  }

  session(fetch: number): number {
    return this.#runs.get(fetch)?.session ?? 0;
  }

  heldToken(fetch: number): string | undefined {
    return this.#runs.get(fetch)?.slot.token?.token;
  }

  issuedAt(token: string): number {
    return issuedAt(token);
  }

  isNetwork(error: unknown): boolean {
    return isNetwork(error);
  }

  retryAfter(error: unknown): number {
    return retryAfter(error, this.unixMillis());
  }

  notAToken(): Error {
    return new NotATokenError();
  }

  monotonicMillis(): number {
    return this.#clock.monotonicMillis();
  }

  unixMillis(): number {
    return this.#clock.unixMillis();
  }

  ended(fetch: number, code: number, failed: boolean, result: unknown): void {
    const run = this.#runs.get(fetch);
    this.#runs.delete(fetch);
    const thrown = this.#settle(code, run, result) ?? (failed ? { error: result } : undefined);
    if (run === undefined) return;
    run.stored?.settle(endingOf(code, thrown !== undefined));
    if (thrown !== undefined) run.slot.owner.failures += 1;
    this.emit?.({
      type: "fetch-end",
      ...subjectOfSlot(run.slot),
      outcome: outcomeOf(code, thrown !== undefined, run, result),
      milliseconds: this.monotonicMillis() - run.startedAt,
      ...(thrown !== undefined && { errorName: errorNameOf(thrown.error) }),
    });
  }

  // ---- What a run tells

  started(run: Run): void {
    this.guarded(() => {
      this.#engine.started(run.fetch, this.monotonicMillis(), this.unixMillis());
      this.#driver.drain(this);
    });
  }

  async obtain(run: Run, shelf: Shelf, call: () => Promise<unknown>): Promise<unknown> {
    const { scopes, details } = run.slot;
    const shelved = shelf.find(listOf(scopes), details);
    if (shelved === undefined) {
      shelf.vacate();
      this.emit?.({ type: "memory-only", ...subjectOfSlot(run.slot) });
      return call();
    }
    const found = details.claims === undefined ? await this.#firstLook(shelf, shelved) : undefined;
    const token = this.#usable(run, shelf, shelved, found?.token);
    if (token !== undefined || run.aborted) return token;
    stored ??= await import("./store.ts");
    return stored.obtain(run, shelf, { ...shelved, found }, call, this);
  }

  /** What is in the store. Often its token answers at once, and the way through the store need not even be loaded. */
  #firstLook(shelf: Shelf, { key }: Shelved): Promise<StoredEntry | undefined> {
    const look = async () => {
      await shelf.ready();
      return readEntry(await shelf.store.load(key));
    };
    // What fails here fails on the way too, which tells of it.
    return shelf.patience.within(this, look).catch(() => undefined);
  }

  #usable(
    run: Run,
    shelf: Shelf,
    { login }: Shelved,
    stored: StoredToken | undefined,
  ): AccessToken | undefined {
    if (stored === undefined) return undefined;
    const held = shelf.acquiredAt(run.slot.token);
    if (!this.#module.storedIsUsable(stored, login, held, this.termsOf(run), this.unixMillis()))
      return undefined;
    const token = accessTokenOf(stored);
    shelf.acquired.set(token, stored.acquiredAt);
    return token;
  }

  slow(milliseconds: number): Error {
    return new StoreTimeoutError(milliseconds);
  }

  readonly storeErrors = {
    failedElsewhere: (failure: StoredFailure) => new StoredFailureError(failure),
    busy: () => new StoreBusyError(),
    moved: () => new LoginMovedError(),
  };

  termsOf(run: Run): Terms {
    const { minValidity, scaleShortLives } = this.#limits;
    const fetchLimitMs = this.#limitOf(run.slot.owner.kind);
    return { minValidityMs: minValidity, scaleShortLives, fetchLimitMs };
  }

  subjectOf(run: Run): EventSubject {
    return subjectOfSlot(run.slot);
  }

  moved(run: Run): void {
    const { owner } = run.slot;
    if (owner.watch !== undefined) this.#examine(owner, owner.watch);
  }

  otherUser(run: Run): void {
    this.#changeLogin(run.slot.owner, undefined);
  }

  // ---- What was settled

  /** What the last input settled. Returns the error that goes to those who wait, if one does. */
  #settle(code: number, run: Run | undefined, result: unknown): Thrown | undefined {
    const job = this.#engine.settledJob();
    const slot = this.#at(this.#engine.settledEntry());
    const base = this.#engine.settledBase();
    const reason = this.#engine.settledReason();
    switch (code) {
      case Settled.Granted:
        this.#keep(job, run, base, result as AccessToken);
        return undefined;
      case Settled.HandedOut:
        this.#handOut(job, run, result as AccessToken);
        return undefined;
      case Settled.Served:
        this.#serveStale(job, slot);
        return undefined;
      case Settled.Null:
        this.#take(job)?.resolve(null);
        return undefined;
      case Settled.Failed:
        return this.#reject(job, slot, reason, result);
      default:
        return undefined;
    }
  }

  #keep(job: number, run: Run | undefined, base: number, token: AccessToken): void {
    if (run !== undefined) {
      run.slot.keep(token);
      if (base >= 0) this.#baseOf(run.slot, base).keep(token);
    }
    this.#take(job)?.resolve(token);
  }

  /** The slot of the same request without claims, which nobody may have asked for yet. */
  #baseOf(challenge: Slot, entry: number): Slot {
    const details = { ...challenge.details, claims: undefined };
    return this.#at(entry) ?? this.#place(new Slot(entry, challenge.owner, challenge.scopes, details));
  }

  #handOut(job: number, run: Run | undefined, token: AccessToken): void {
    if (run !== undefined) this.#handedOut.set(token, run.slot.owner.login);
    this.#take(job)?.resolve(token);
  }

  #serveStale(job: number, slot: Slot | undefined): void {
    slot?.lapse();
    if (slot?.token === undefined) {
      this.#take(job)?.reject(new LoginMovedError());
      return;
    }
    this.#take(job)?.resolve(slot.token);
    this.emit?.({ type: "served-stale", ...subjectOfSlot(slot) });
  }

  #reject(job: number, slot: Slot | undefined, reason: number, result: unknown): Thrown {
    const error = reason === FailReason.Credential ? result : this.#errorFor(reason, slot);
    const thrown = { error };
    if (slot !== undefined) {
      slot.lapse();
      slot.failure = thrown;
    }
    this.#take(job)?.reject(error);
    return thrown;
  }

  #errorFor(reason: number, slot: Slot | undefined): Error {
    switch (reason) {
      case FailReason.ExpiryMissing:
        return new TokenExpiryError("missing");
      case FailReason.ExpiryInSeconds:
        return new TokenExpiryError("in-seconds");
      case FailReason.ExpiryPast:
        return new TokenExpiryError("past");
      case FailReason.Limit:
        return new FetchTimeoutError(this.#limitOf(slot?.owner.kind ?? generalKind));
      default:
        return new LoginMovedError();
    }
  }

  #limitOf(kind: CredentialKind): number {
    return kind.limitMs ?? (kind.interactive ? this.#limits.interactive : this.#limits.fetch);
  }

  #take(job: number): Waiters | undefined {
    const waiters = this.#waiting.get(job);
    this.#waiting.delete(job);
    if (waiters !== undefined) waiters.slot.crowd = undefined;
    return waiters;
  }

  // ---- Time

  #timeout(): void {
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.guarded(() => {
      while (this.#engine.nextTimeout() <= this.monotonicMillis()) {
        const code = this.#engine.timeout(this.monotonicMillis(), this.unixMillis());
        this.#settle(code, undefined, undefined);
        this.#driver.drain(this);
      }
      this.#driver.drain(this);
    });
  }

  #setTimer(run: () => void, milliseconds: number, keepAlive: boolean): unknown {
    const delay = Math.min(Math.max(1, milliseconds), longestTimer);
    const { setTimer } = this.#clock;
    return setTimer === undefined
      ? this.#platform.setTimer(run, delay, keepAlive)
      : setTimer.call(this.#clock, run, delay);
  }

  #clearTimer(): void {
    const timer = this.#timer;
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    if (timer !== undefined) this.#endTimer(timer);
  }

  #endTimer(timer: unknown): void {
    this.#stopTimer(timer);
  }

  after(run: () => void, milliseconds: number, keepAlive: boolean): () => void {
    const timer = this.#setTimer(run, milliseconds, keepAlive);
    return () => this.#stopTimer(timer);
  }

  #stopTimer(timer: unknown): void {
    if (this.#clock.setTimer === undefined) this.#platform.clearTimer(timer);
    else this.#clock.clearTimer?.(timer);
  }

  #pause(milliseconds: number, signal: AbortSignalLike | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(new AbortError());
      const onAbort = () => reject(new AbortError());
      signal?.addEventListener("abort", onAbort);
      const wake = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      this.#setTimer(wake, milliseconds, true);
    });
  }

  // ---- Login

  /** `undefined`: another account, or none; else the session that the same account has now. */
  #changeLogin(owner: Owner, session: number | undefined): void {
    owner.login += 1;
    const [monotonic, unix] = [this.monotonicMillis(), this.unixMillis()];
    this.#sure(() => {
      if (session === undefined) this.#engine.identityChanged(owner.id, monotonic, unix);
      else this.#engine.identityTouched(owner.id, session, monotonic, unix);
      this.#driver.drain(this);
    });
    if (session === undefined) owner.shelf?.vacate();
    const change = session === undefined ? "account" : "session";
    this.emit?.({ type: "identity-changed", kind: owner.kind.name, change });
  }

  // ---- An engine that fails

  #newEngine(): Engine {
    const engine = this.#module.create(this.#policy, this.#maxEntries, Math.random() * 2 ** 53);
    if (engine === undefined) throw new OptionError("policy", "has a number that is out of range");
    for (const { kind, limit } of this.#registered) engine.register(kind, limit);
    return engine;
  }

  /** What `work` returns; where the engine fails in it, it is done once more, on a new engine. */
  #sure<T>(work: () => T): T {
    const engine = this.#engine;
    try {
      return work();
    } catch (error) {
      this.#recover(engine, error);
      return work();
    }
  }

  /** Runs `work`; where the engine fails in it, a new one takes its place, and the rest of `work` is left undone. */
  guarded(work: () => void): void {
    const engine = this.#engine;
    try {
      work();
    } catch (error) {
      this.#recover(engine, error);
    }
  }

  #recover(engine: Engine, error: unknown): void {
    if (!this.#module.hasFailed(engine)) throw error;
    if (engine === this.#engine) this.#replaceEngine(error);
  }

  /** A new engine holds nothing: tokens are fetched again, and those who wait get what the runs under way bring. */
  #replaceEngine(failure: unknown): void {
    const [runs, waiting] = [[...this.#runs.values()], [...this.#waiting]];
    this.#runs.clear();
    this.#waiting.clear();
    this.#clearTimer();
    for (const slot of this.#slots) if (slot !== undefined) this.#retire(slot);
    this.#slots.length = 0;
    this.#engine = this.#newEngine();
    this.#driver = this.#module.drive(this.#engine);
    this.emit?.({ type: "engine-failed", errorName: errorNameOf(failure) });
    for (const [job, waiters] of waiting)
      if (!runs.some((run) => run.job === job)) waiters.rejectQuietly(failure);
    for (const run of runs) void this.#finish(run, waiting.find(([job]) => job === run.job)?.[1]);
  }

  /** Waits for a run that the engine does not know any more. What it brings is given to those who wait, and not kept. */
  async #finish(run: Run, waiters: Waiters | undefined): Promise<void> {
    if (this.#closed) run.abort();
    const { kind } = run.slot.owner;
    const left = this.#limitOf(kind) - (this.monotonicMillis() - run.startedAt);
    const expire = () => {
      waiters?.rejectQuietly(new FetchTimeoutError(this.#limitOf(kind)));
      run.abort();
    };
    const limit = this.#setTimer(expire, left, waiters !== undefined);
    try {
      const token = this.#judgeAlone(run, await run.answer);
      waiters?.resolve(token);
    } catch (error) {
      run.slot.owner.failures += 1;
      waiters?.rejectQuietly(error);
    }
    this.#endTimer(limit);
    run.stored?.settle(Ending.Dropped);
    const milliseconds = this.monotonicMillis() - run.startedAt;
    this.emit?.({ type: "fetch-end", ...subjectOfSlot(run.slot), outcome: "dropped", milliseconds });
  }

  /** The answer of a run, where no engine can judge it. */
  #judgeAlone(run: Run, result: unknown): Answer {
    const { owner } = run.slot;
    if (this.#closed || owner.closed) throw new ClosedError();
    if (run.stability !== Stability.Steady) throw new LoginMovedError();
    if (result == null) return null;
    const token = result as AccessToken;
    if (typeof token.token !== "string" || token.token === "") throw new NotATokenError();
    if (!(token.expiresOnTimestamp > 0)) throw new TokenExpiryError("missing");
    if (token.expiresOnTimestamp <= this.unixMillis()) throw new TokenExpiryError("past");
    this.#handedOut.set(token, owner.login);
    return token;
  }

  // ---- The rest of the interface

  /** Forgets tokens of a credential: all, those of a set of scopes, or that of one request. */
  async invalidate(
    owner: Owner,
    scopes: Scopes | undefined,
    options: GetTokenOptions | undefined,
  ): Promise<void> {
    if (this.#closed || owner.closed) throw new ClosedError();
    const [monotonic, unix] = [this.monotonicMillis(), this.unixMillis()];
    this.#sure(() => {
      if (scopes === undefined) this.#engine.invalidateCredential(owner.id, monotonic, unix);
      else if (options === undefined)
        this.#engine.invalidateScopes(owner.id, listOf(scopes), monotonic, unix);
      else {
        const { tenantId, cae, claims } = detailsOf(options);
        this.#engine.invalidateRequest(owner.id, listOf(scopes), tenantId, cae, claims, monotonic, unix);
      }
      this.#driver.drain(this);
    });
    const list = scopes === undefined ? undefined : listOf(scopes);
    await owner.shelf?.invalidate(list, options && detailsOf(options));
  }

  invalidateAll(): void {
    if (this.#closed) throw new ClosedError();
    this.#sure(() => {
      this.#engine.invalidateAll(this.monotonicMillis(), this.unixMillis());
      this.#driver.drain(this);
    });
  }

  explain(owner: Owner, scopes: Scopes, options: GetTokenOptions | undefined): Explanation {
    if (this.#closed || owner.closed) throw new ClosedError();
    const { tenantId, cae, claims } = detailsOf(options);
    const list = listOf(scopes);
    const unreadable = owner.watch === undefined ? undefined : this.#whyUnreadable(owner, owner.watch);
    if (unreadable !== undefined) return unreadable;
    if (!isExact(tenantId ?? "") || !isExact(claims ?? "")) return nothingHeld();
    return this.#sure(() => {
      const entry = this.#engine.find(owner.id, list, tenantId, cae, claims);
      if (entry < 0) return nothingHeld();
      return explain(this.#engine, entry, this.monotonicMillis(), this.unixMillis());
    });
  }

  /** Looks at the login as a call does, and says why no token may be served where it cannot be read. */
  #whyUnreadable(owner: Owner, watch: LoginWatch): Explanation | undefined {
    if (watch.unchanged(this.unixMillis())) return undefined;
    const verdict = this.#examine(owner, watch);
    if (verdict === "bypass") return passedBy;
    if (typeof verdict === "object" && "error" in verdict) return loginUnreadable;
    if (typeof verdict === "object" && "retryAfterMs" in verdict) return loginUnreadableYet;
    return undefined;
  }

  get entries(): number {
    return this.#closed ? 0 : this.#sure(() => this.#engine.entryCount());
  }

  get fetchesInFlight(): number {
    return this.#runs.size;
  }

  /** Forgets one credential: its callers are rejected, its tokens go. The cache goes on. */
  release(owner: Owner): void {
    if (owner.closed || this.#closed) return;
    owner.closed = true;
    owner.tree.clear();
    const waiting = [...this.#waiting].filter(([, waiters]) => waiters.slot.owner === owner);
    for (const [job] of waiting) this.#waiting.delete(job);
    this.#sure(() => {
      this.#engine.invalidateCredential(owner.id, this.monotonicMillis(), this.unixMillis());
      this.#driver.drain(this);
    });
    // The engine lets its entries go in time; the credential that they hold goes now.
    for (const slot of this.#slots) if (slot?.owner === owner) this.#retire(slot);
    for (const [, waiters] of waiting) waiters.reject(new ClosedError());
  }

  /** Forgets everything, for good. Those who wait are rejected. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#sure(() => this.#engine.close(this.monotonicMillis(), this.unixMillis()));
    this.guarded(() => this.#driver.drain(this));
    for (const slot of this.#slots) slot?.forget();
    this.#slots.length = 0;
    for (const waiters of waiting) waiters.reject(new ClosedError());
  }
}

const refuse = (entry: number): undefined => {
  if (entry === Refusal.Full) return undefined;
  throw entry === Refusal.EmptyScope ? new ScopesError() : new ClosedError();
};

/** The credential's own answer, with the caller's own options. */
async function passBy(owner: Owner, scopes: Scopes, options: GetTokenOptions | undefined): Promise<Answer> {
  return owner.credential.getToken(scopes as string | string[], options);
}

/** The slot of a request without options, if it has one by now. */
function askedSlot(owner: Owner, scopes: unknown): Slot | undefined {
  if (typeof scopes !== "string" && !Array.isArray(scopes)) return undefined;
  const slot = owner.tree.find(scopes, undefined, false);
  return slot !== undefined && slot.entry >= 0 ? slot : undefined;
}

function detailsOf(options: GetTokenOptions | undefined): Details {
  if (options == null) return plain;
  const tenantId = options.tenantId ?? undefined;
  const cae = options.enableCae === true;
  const claims = options.claims || undefined;
  if (tenantId === undefined && claims === undefined) return cae ? plainCae : plain;
  return { tenantId, cae, claims };
}

const plain: Details = { tenantId: undefined, cae: false, claims: undefined };
const plainCae: Details = { tenantId: undefined, cae: true, claims: undefined };

function listOf(scopes: unknown): readonly string[] {
  const list: unknown[] = Array.isArray(scopes) ? [...scopes] : [scopes];
  if (list.length === 0 || !list.every((scope) => isExact(scope) && scope !== "")) throw new ScopesError();
  // Fetches are made from it, and listeners see it.
  return Object.freeze(list) as readonly string[];
}

/** Whether the engine can tell a text from every other: half a surrogate pair has no form of its own in UTF-8. */
function isExact(text: unknown): boolean {
  return typeof text === "string" && !/\p{Surrogate}/u.test(text);
}

function subjectOfSlot(slot: Slot): EventSubject {
  const { owner, scopes, details } = slot;
  return subjectOf(owner, typeof scopes === "string" ? [scopes] : scopes, details);
}

function subjectOf(owner: Owner, scopes: readonly string[], details: Details): EventSubject {
  const { tenantId } = details;
  return { kind: owner.kind.name, scopes, ...(tenantId !== undefined && { tenantId }) };
}

function outcomeOf(
  code: number,
  failed: boolean,
  run: Run,
  result: unknown,
): "granted" | "null" | "failed" | "dropped" {
  if (run.aborted) return "dropped";
  if (failed) return "failed";
  if (result == null) return "null";
  return code === Settled.Granted || code === Settled.HandedOut ? "granted" : "dropped";
}

/** What the way through the store is told of a run's answer, once the engine has judged it. */
function endingOf(code: number, failed: boolean): number {
  if (code === Settled.Granted) return Ending.Granted;
  if (failed) return code === Settled.Nothing ? Ending.Dropped : Ending.Failed;
  return code === Settled.Null ? Ending.Null : Ending.Dropped;
}

function kindBits(kind: CredentialKind): number {
  return (
    (kind.keyedBy === "az" ? Kind.ByResource : 0) |
    (kind.honoursClaims ? 0 : Kind.RefusesClaims) |
    (kind.abortable ? 0 : Kind.Unabortable) |
    (kind.interactive ? Kind.Interactive : 0)
  );
}
