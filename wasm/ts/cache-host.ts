// Holds tokens, callers and timers for one engine, and carries out what it decides.

import { type Clock, systemClock } from "./clock.ts";
import { Decision, FailReason, Kind, Ownership, Settled, TimeoutReason, Zone } from "./codes.ts";
import type { AbortSignalLike, AccessToken, GetTokenOptions, TokenCredential } from "./credential.ts";
import type { AtHand, DriverHost, EngineModule, NearStore } from "./engine.ts";
import { EngineSeat } from "./engine-seat.ts";
import {
  AbortError,
  ClosedError,
  FetchTimeoutError,
  LoginMovedError,
  NotATokenError,
  TokenExpiryError,
} from "./errors.ts";
import { type EventListener, type EventSubject, errorNameOf, type FetchOutcome } from "./events.ts";
import {
  type Explanation,
  explain,
  loginUnreadable,
  loginUnreadableYet,
  nothingHeld,
  passedBy,
} from "./explanation.ts";
import { isNetwork, retryAfter } from "./failure.ts";
import { FirstAnswer, type FirstHost } from "./first-answer.ts";
import { Listeners } from "./observe/listeners.ts";
import { openTelemetry } from "./observe/open-telemetry.ts";
import type { CheckedOptions } from "./options.ts";
import { finishOrphan, type OrphanHost } from "./orphan.ts";
import { Owner } from "./owner.ts";
import {
  type CredentialKind,
  generalKind,
  type LoginWatch,
  type Platform,
  type Verdict,
} from "./platform.ts";
import { type Limits, limitsOf, policyNumbers } from "./policy.ts";
import { areExact, detailsOf, listOf, refused } from "./request.ts";
import { Run, type RunListener } from "./run.ts";
import { keysFor, Shelf } from "./shelf.ts";
import type { Shelved } from "./shelf-keys.ts";
import { type Details, Slot, type Thrown } from "./slot.ts";
import { mustHaveStack } from "./stack-room.ts";
import { Ending } from "./store/ending.ts";
import type { StoredToken, TokenStore } from "./store/token-store.ts";
import { StoreWay, type StoreWayHost } from "./store-way.ts";
import { Alarm, Timers } from "./timers.ts";
import { issuedAt, type OwnerClaims, ownerClaimsOf } from "./token.ts";
import { Waiters } from "./waiters.ts";
import type { Whose } from "./whose.ts";

type Answer = AccessToken | null;
type Scopes = string | readonly string[];

/** A caller whose token is overtaken by changes of login this often gets an error instead of one more round. */
const maxRounds = 8;

/** The engine counts limits in 32 bits: 49 days, for one that has none. */
const longestLimit = 2 ** 32 - 1;

export class CacheHost implements DriverHost, RunListener, StoreWayHost, OrphanHost, FirstHost {
  /** Where the hot path reads the time; `undefined`: `Date.now`, inline. */
  readonly ownClock: Clock | undefined;
  readonly #clock: Clock;
  readonly #platform: Platform;
  readonly #seat: EngineSeat;
  readonly #listeners: Listeners;
  readonly emit: EventListener;
  readonly #maxEntries: number;
  readonly #limits: Limits;
  readonly #store: TokenStore | undefined;
  readonly #way: StoreWay;
  readonly #module: EngineModule;
  /** Where a first call may be answered from, before the engine is asked. */
  readonly #near: NearStore | undefined;
  readonly #timers: Timers;
  readonly #alarm: Alarm;
  /** By the index in the engine's id; a slot whose own id differs is another's. */
  readonly #slots: (Slot | undefined)[] = [];
  readonly #runs = new Map<number, Run>();
  readonly #waiting = new Map<number, Waiters>();
  /** Tokens that were handed out without being kept, and the login under which. */
  readonly #handedOut = new WeakMap<AccessToken, number>();
  /** Of the caller whose call starts the next fetch. */
  #tracing: GetTokenOptions["tracingOptions"];
  /** What the next fetch of its slot brings, without a run. */
  #atHand: (AtHand & { readonly slot: Slot }) | undefined;
  /** What is aborted now took longer than its limit. */
  #atLimit = false;
  #closed = false;

  constructor(module: EngineModule, platform: Platform, options: CheckedOptions) {
    const policy = policyNumbers(options.policy, module);
    this.#module = module;
    this.#limits = limitsOf(policy);
    this.#platform = platform;
    this.#maxEntries = options.maxEntries;
    this.#listeners = new Listeners(platform, options.emit);
    this.emit = this.#listeners.emit;
    this.#store = options.store;
    this.ownClock = options.clock;
    this.#clock = options.clock ?? systemClock(platform.monotonicMillis);
    this.#timers = new Timers(this.#clock, platform);
    this.#alarm = new Alarm(this.#timers, this, () => this.#timeout());
    this.#way = new StoreWay(this, module, this.#limits);
    // Who listens hears of a fetch while it goes on; and on a clock of the user's time may stand still.
    const isUsual = options.emit === undefined && options.clock === undefined;
    this.#near = isUsual ? module.store : undefined;
    const beginAnew = (failure: unknown) => this.#beginAnew(failure);
    this.#seat = new EngineSeat(module, policy, options.maxEntries, this, beginAnew);
    // A policy with a number that is none is refused now.
    if (this.#near === undefined || options.policy !== undefined) this.#seat.make();
  }

  /** Makes a credential known. */
  adopt(credential: TokenCredential, watch: LoginWatch | undefined, whose: Whose | undefined): Owner {
    const kind = this.#platform.kindOf(credential) ?? generalKind;
    const id = this.#seat.register(kindBits(kind), Math.min(kind.limitMs ?? 0, longestLimit));
    const shelf = this.#store && whose && new Shelf(this.#store, keysFor(kind.name, whose, watch), this.#way);
    const owner = new Owner(id, credential, kind, watch, shelf, this.#maxEntries);
    if (this.#near !== undefined && shelf !== undefined && (watch === undefined || watch.everyMs === 0))
      owner.first = new FirstAnswer(owner, shelf, this.#near, this);
    this.#listeners.adopted(owner);
    return owner;
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
    const first = owner.first && this.#askFirst(owner, owner.first, scopes, options);
    if (first !== undefined) return first;
    mustHaveStack();
    owner.first?.end();
    if (watch === undefined) return this.#askOnce(owner, scopes, options);
    if (this.#isUnwatchable(owner, watch)) return passBy(owner, scopes, options);
    // A caller may change its own list while its answer takes more than one round.
    const asked = Array.isArray(scopes) ? [...scopes] : scopes;
    return options == null
      ? this.#askTogether(owner, watch, asked)
      : this.#askWatched(owner, watch, asked, options);
  }

  /** `undefined`: the call takes the usual way. */
  #askFirst(
    owner: Owner,
    first: FirstAnswer,
    scopes: Scopes,
    options: GetTokenOptions | undefined,
  ): Promise<Answer> | undefined {
    const isPlain = options == null && typeof scopes === "string" && !this.#closed && !owner.closed;
    const answer = isPlain && openTelemetry() === undefined ? first.ask(scopes) : undefined;
    return answer?.then((token) => token ?? this.ask(owner, scopes, options));
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
      return this.#seat.sure(() => this.#decide(owner, scopes, options));
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
      await this.#timers.pause(verdict.retryAfterMs, signal);
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
    this.emit({ type: "passed-by", ...subjectOf(owner, listOf(scopes), details) });
    return passBy(owner, scopes, options);
  }

  /** `undefined` where the engine does not know the slot's entry any more. */
  #answer(slot: Slot, signal: AbortSignalLike | undefined, tracing: GetTokenOptions["tracingOptions"]) {
    switch (this.#seat.engine.lookup(slot.entry, this.monotonicMillis(), this.unixMillis())) {
      case Decision.Hit:
        return this.#serve(slot);
      case Decision.Refresh: {
        const answer = this.#serve(slot);
        this.#seat.drain();
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
    this.#listeners.asked(slot.owner);
    slot.from = this.#seat.engine.from();
    slot.until = this.#seat.engine.until();
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
    const answer = this.#join(this.#seat.engine.job(), slot, signal);
    this.#tracing = tracing;
    this.#seat.drain();
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
    const { engine } = this.#seat;
    try {
      return joined.shareUntil(signal, () => {
        if (engine === this.#seat.engine) this.#leave(job, joined);
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
      this.#seat.engine.leave(job, this.monotonicMillis(), this.unixMillis());
      this.#seat.drain();
    });
  }

  #fail(slot: Slot): Promise<never> | undefined {
    if (slot.failure === undefined) return undefined;
    const { error } = slot.failure;
    this.emit({ type: "failure-remembered", ...subjectOfSlot(slot), errorName: errorNameOf(error) });
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
    if (!areExact(details)) return undefined;
    const entry = this.#seat.engine.intern(
      owner.id,
      list,
      tenantId,
      cae,
      claims,
      this.monotonicMillis(),
      this.unixMillis(),
    );
    // What made room for it is forgotten before it can be served once more.
    this.#seat.drain();
    if (entry < 0) return refused(entry);
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

  begin(fetch: number, job: number, entry: number): Promise<unknown> | AtHand {
    const slot = this.#at(entry);
    const [tracing, atHand] = [this.#tracing, this.#atHand?.slot === slot ? this.#atHand : undefined];
    this.#tracing = undefined;
    if (atHand !== undefined) this.#atHand = undefined;
    if (slot === undefined || slot.owner.closed) return Promise.reject(new ClosedError());
    const challenged = slot.details.claims !== undefined;
    const subject = { ...subjectOfSlot(slot), behind: !this.#waiting.has(job), challenged };
    const began = this.monotonicMillis() - (atHand?.milliseconds ?? 0);
    const run = new Run(fetch, job, slot, subject, began, tracing, this);
    this.#runs.set(fetch, run);
    if (atHand !== undefined) return this.#beginAtHand(run, atHand);
    slot.owner.fetches += 1;
    if (run.behind) slot.owner.fetchesBehind += 1;
    this.#listeners.asked(slot.owner);
    this.emit({ type: "fetch-start", ...subject });
    // Whoever listens may have closed the cache, or invalidated the token.
    return run.aborted ? Promise.reject(new AbortError()) : run.begin();
  }

  /** Its fetch was counted when it was asked for. */
  #beginAtHand(run: Run, atHand: AtHand): AtHand {
    run.session = run.slot.owner.watch?.sessionNow?.() ?? 0;
    this.emit({ type: "fetch-start", ...run.subject });
    const owner = ownerClaimsOf(atHand.token.token);
    if (owner !== undefined) this.owned(run, owner);
    return atHand;
  }

  abort(fetch: number): void {
    const run = this.#runs.get(fetch);
    if (run === undefined) return;
    run.overdue = this.#atLimit;
    if (run.overdue) this.emit({ type: "fetch-limit", ...subjectOfSlot(run.slot) });
    run.abort();
  }

  lapse(entry: number): void {
    this.#at(entry)?.lapse();
  }

  forget(entry: number): void {
    const slot = this.#at(entry);
    if (slot === undefined) return;
    slot.forget();
    const zone = this.#seat.engine.explain(entry, this.monotonicMillis(), this.unixMillis());
    if (zone === Zone.Unknown) this.#retire(slot);
  }

  drained(): void {
    this.#alarm.set(this.#seat.engine.nextTimeout(), this.#waiting.size > 0);
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
    const settled = this.#settle(code, run, result) ?? (failed ? { error: result } : undefined);
    if (run === undefined) return;
    run.stored?.settle(run.refused ? Ending.Dropped : endingOf(code, settled !== undefined));
    const thrown = run.overdue ? { error: this.#errorFor(FailReason.Limit, run.slot) } : settled;
    if (thrown !== undefined) run.slot.owner.failures += 1;
    this.emit(run.end(outcomeOf(code, thrown !== undefined, run, result), this.monotonicMillis(), thrown));
  }

  // ---- The first answer

  isUsable(stored: StoredToken, { login }: Shelved): boolean {
    return this.#module.storedIsUsable(stored, login, Number.NaN, this.#way.terms, this.unixMillis());
  }

  examineLogin(owner: Owner, watch: LoginWatch): Verdict {
    return this.#examine(owner, watch);
  }

  isAdmitted(owner: Owner, watch: LoginWatch, token: AccessToken): boolean {
    const admission = watch.admit(token.token);
    if (admission === "otherUser") this.#changeLogin(owner, undefined);
    return admission === "ok";
  }

  takeOver(owner: Owner, scope: string, token: AccessToken, milliseconds: number): void {
    if (this.#closed || owner.closed) return;
    this.guarded(() => {
      const slot = this.#slotOf(owner, scope, detailsOf(undefined));
      if (slot === undefined || slot.token !== undefined) return;
      const { engine } = this.#seat;
      if (engine.lookup(slot.entry, this.monotonicMillis(), this.unixMillis()) !== Decision.Wait) return;
      const job = engine.job();
      this.#atHand = { slot, token, milliseconds };
      try {
        this.#seat.drain();
        // A fetch of the same is on its way already.
        if (this.#atHand !== undefined) engine.leave(job, this.monotonicMillis(), this.unixMillis());
      } finally {
        this.#atHand = undefined;
      }
    });
  }

  // ---- What a run tells

  started(run: Run): void {
    this.guarded(() => {
      this.#seat.engine.started(run.fetch, this.monotonicMillis(), this.unixMillis());
      this.#seat.drain();
    });
  }

  obtain(run: Run, shelf: Shelf, call: () => Promise<unknown>): Promise<unknown> {
    return this.#way.obtain(run, shelf, call);
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

  owned(run: Run, claims: OwnerClaims): boolean {
    // Of a run that a failed engine began, the engine in its place knows nothing.
    if (this.#runs.get(run.fetch) !== run) return true;
    let ownership: number = Ownership.Known;
    this.guarded(() => {
      const [monotonic, unix] = [this.monotonicMillis(), this.unixMillis()];
      ownership = this.#seat.engine.owned(run.fetch, claims, monotonic, unix);
      this.#seat.drain();
    });
    if (ownership === Ownership.Other) this.#forgetFormerOwner(run.slot.owner);
    return ownership !== Ownership.Refused;
  }

  /** The engine has dropped its tokens; what is in the store under the same partition goes as well. */
  #forgetFormerOwner(owner: Owner): void {
    owner.login += 1;
    owner.shelf?.invalidate(undefined, undefined).catch(() => {});
    this.emit({ type: "identity-changed", kind: owner.kind.name, change: "account" });
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  limitOf({ kind }: Owner): number {
    return this.#limitOf(kind);
  }

  #limitOf(kind: CredentialKind): number {
    return kind.limitMs ?? (kind.interactive ? this.#limits.interactive : this.#limits.fetch);
  }

  handsOut(token: AccessToken, owner: Owner): void {
    this.#handedOut.set(token, owner.login);
  }

  // ---- What was settled

  /** What the last input settled. Returns the error that goes to those who wait, if one does. */
  #settle(code: number, run: Run | undefined, result: unknown): Thrown | undefined {
    const job = this.#seat.engine.settledJob();
    const slot = this.#at(this.#seat.engine.settledEntry());
    const base = this.#seat.engine.settledBase();
    const reason = this.#seat.engine.settledReason();
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
    if (run !== undefined) this.handsOut(token, run.slot.owner);
    this.#take(job)?.resolve(token);
  }

  #serveStale(job: number, slot: Slot | undefined): void {
    slot?.lapse();
    if (slot?.token === undefined) {
      this.#take(job)?.reject(new LoginMovedError());
      return;
    }
    this.#take(job)?.resolve(slot.token);
    this.emit({ type: "served-stale", ...subjectOfSlot(slot) });
  }

  #reject(job: number, slot: Slot | undefined, reason: number, result: unknown): Thrown {
    const error = reason === FailReason.Credential ? result : this.#errorFor(reason, slot);
    const thrown = { error };
    if (slot !== undefined) {
      slot.lapse();
      slot.failure = thrown;
    }
    if (reason === FailReason.Limit) {
      const late = [...this.#runs.values()].find((run) => run.job === job);
      late?.stored?.expire(error);
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

  #take(job: number): Waiters | undefined {
    const waiters = this.#waiting.get(job);
    this.#waiting.delete(job);
    if (waiters !== undefined) waiters.slot.crowd = undefined;
    return waiters;
  }

  // ---- Time

  #timeout(): void {
    this.guarded(() => {
      while (this.#seat.engine.nextTimeout() <= this.monotonicMillis()) this.#handleTimeout();
      this.#seat.drain();
    });
  }

  #handleTimeout(): void {
    this.#atLimit = this.#seat.engine.nextTimeoutReason() === TimeoutReason.FetchLimit;
    try {
      const code = this.#seat.engine.timeout(this.monotonicMillis(), this.unixMillis());
      this.#settle(code, undefined, undefined);
      this.#seat.drain();
    } finally {
      this.#atLimit = false;
    }
  }

  after(run: () => void, milliseconds: number, keepAlive: boolean): () => void {
    return this.#timers.after(run, milliseconds, keepAlive);
  }

  // ---- Login

  /** `undefined`: another account, or none; else the session that the same account has now. */
  #changeLogin(owner: Owner, session: number | undefined): void {
    owner.login += 1;
    const [monotonic, unix] = [this.monotonicMillis(), this.unixMillis()];
    this.#seat.sure(() => {
      if (session === undefined) this.#seat.engine.identityChanged(owner.id, monotonic, unix);
      else this.#seat.engine.identityTouched(owner.id, session, monotonic, unix);
      this.#seat.drain();
    });
    if (session === undefined) owner.shelf?.vacate();
    const change = session === undefined ? "account" : "session";
    this.emit({ type: "identity-changed", kind: owner.kind.name, change });
  }

  // ---- An engine that fails

  /** Runs `work`; where the engine fails in it, a new one takes its place, and the rest of `work` is left undone. */
  guarded(work: () => void): void {
    this.#seat.guarded(work);
  }

  /** A new engine holds nothing: tokens are fetched again, and those who wait get what the runs under way bring. */
  #beginAnew(failure: unknown): void {
    const [runs, waiting] = [[...this.#runs.values()], [...this.#waiting]];
    this.#runs.clear();
    this.#waiting.clear();
    this.#alarm.clear();
    for (const slot of this.#slots) if (slot !== undefined) this.#retire(slot);
    this.#slots.length = 0;
    this.emit({ type: "engine-failed", errorName: errorNameOf(failure) });
    for (const [job, waiters] of waiting)
      if (!runs.some((run) => run.job === job)) waiters.rejectQuietly(failure);
    for (const run of runs) void finishOrphan(run, waiting.find(([job]) => job === run.job)?.[1], this);
  }

  // ---- The rest of the interface

  /** Forgets tokens of a credential: all, those of a set of scopes, or that of one request. */
  async invalidate(
    owner: Owner,
    scopes: Scopes | undefined,
    options: GetTokenOptions | undefined,
  ): Promise<void> {
    if (this.#closed || owner.closed) throw new ClosedError();
    if (scopes === undefined) owner.first?.drop();
    else owner.first?.end();
    const list = scopes === undefined ? undefined : listOf(scopes);
    const details = options === undefined ? undefined : detailsOf(options);
    // The store first: for those who wait the engine has the credential run anew, which looks there.
    const done = owner.shelf?.invalidate(list, details);
    done?.catch(() => {});
    const [monotonic, unix] = [this.monotonicMillis(), this.unixMillis()];
    this.#seat.sure(() => {
      const { engine } = this.#seat;
      if (list === undefined) engine.invalidateCredential(owner.id, monotonic, unix);
      else if (details === undefined) engine.invalidateScopes(owner.id, list, monotonic, unix);
      else {
        const { tenantId, cae, claims } = details;
        engine.invalidateRequest(owner.id, list, tenantId, cae, claims, monotonic, unix);
      }
      this.#seat.drain();
    });
    await done;
  }

  invalidateAll(): void {
    if (this.#closed) throw new ClosedError();
    this.#seat.sure(() => {
      this.#seat.engine.invalidateAll(this.monotonicMillis(), this.unixMillis());
      this.#seat.drain();
    });
  }

  explain(owner: Owner, scopes: Scopes, options: GetTokenOptions | undefined): Explanation {
    if (this.#closed || owner.closed) throw new ClosedError();
    owner.first?.handOver();
    const details = detailsOf(options);
    const { tenantId, cae, claims } = details;
    const list = listOf(scopes);
    const unreadable = owner.watch === undefined ? undefined : this.#whyUnreadable(owner, owner.watch);
    if (unreadable !== undefined) return unreadable;
    if (!areExact(details)) return nothingHeld();
    return this.#seat.sure(() => {
      const entry = this.#seat.engine.find(owner.id, list, tenantId, cae, claims);
      if (entry < 0) return nothingHeld();
      return explain(this.#seat.engine, entry, this.monotonicMillis(), this.unixMillis());
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
    return this.#closed ? 0 : this.#seat.sure(() => this.#seat.engine.entryCount());
  }

  get fetchesInFlight(): number {
    return this.#runs.size;
  }

  /** Forgets one credential: its callers are rejected, its tokens go. The cache goes on. */
  release(owner: Owner): void {
    if (owner.closed || this.#closed) return;
    owner.closed = true;
    owner.first?.drop();
    owner.tree.clear();
    const waiting = [...this.#waiting].filter(([, waiters]) => waiters.slot.owner === owner);
    for (const [job] of waiting) this.#waiting.delete(job);
    this.#seat.sure(() => {
      this.#seat.engine.invalidateCredential(owner.id, this.monotonicMillis(), this.unixMillis());
      this.#seat.drain();
    });
    // The engine lets its entries go in time; the credential that they hold goes now.
    for (const slot of this.#slots) if (slot?.owner === owner) this.#retire(slot);
    for (const [, waiters] of waiting) waiters.reject(new ClosedError());
    this.#listeners.released(owner);
  }

  /** Forgets everything, for good. Those who wait are rejected. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#seat.sure(() => this.#seat.engine.close(this.monotonicMillis(), this.unixMillis()));
    this.guarded(() => this.#seat.drain());
    for (const slot of this.#slots) slot?.forget();
    this.#slots.length = 0;
    for (const waiters of waiting) waiters.reject(new ClosedError());
    this.#listeners.closed();
  }
}

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

function subjectOfSlot(slot: Slot): EventSubject {
  const { owner, scopes, details } = slot;
  return subjectOf(owner, typeof scopes === "string" ? [scopes] : scopes, details);
}

function subjectOf(owner: Owner, scopes: readonly string[], details: Details): EventSubject {
  const { tenantId } = details;
  return { kind: owner.kind.name, scopes, ...(tenantId !== undefined && { tenantId }) };
}

function outcomeOf(code: number, failed: boolean, run: Run, result: unknown): FetchOutcome {
  if (run.aborted && !run.overdue) return "dropped";
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
