// The engine's types, written by hand, over the few doors that wasm and the addon have of it.

import type { AccessToken } from "./credential.ts";
import { EngineDriver, type Follow } from "./driver.ts";
import { digest } from "./store/digest.ts";
import type { EntryKey, StoredEntry, StoredLogin, StoredToken } from "./store/token-store.ts";
import type { OwnerClaims } from "./token.ts";

/**
 * The machine that decides. Times are milliseconds: `monotonic` from any origin, `unix` since the Unix epoch. Drain
 * `nextAction` after every input, then call `timeout` when `nextTimeout` says. Codes stand in `codes.ts`.
 */
export interface Engine {
  /** A credential by the bits of `Kind`. A `fetchLimit` that is not positive is the policy's. */
  register(kind: number, fetchLimit: number): number;
  /** The entry of a request, or one of `Refusal`. */
  intern(
    credential: number,
    scopes: readonly string[],
    tenant: string | undefined,
    cae: boolean,
    claims: string | undefined,
    monotonic: number,
    unix: number,
  ): number;
  /** The entry of a request, or one of `Refusal`: `NoEntry` where nobody interned it. Changes nothing. */
  find(
    credential: number,
    scopes: readonly string[],
    tenant: string | undefined,
    cae: boolean,
    claims: string | undefined,
  ): number;
  /** One of `Decision`. Costs two numbers and no string. */
  lookup(entry: number, monotonic: number, unix: number): number;
  /** The lease of the last decision, in Unix milliseconds: from here, */
  from(): number;
  /** to here. Of a failure: the end of its memory, in monotonic milliseconds. */
  until(): number;
  job(): number;
  /** When the held token is served to one who waits, in monotonic milliseconds; NaN: never. */
  serveAt(): number;
  /** One who waited went away. One of `Settled`. */
  leave(job: number, monotonic: number, unix: number): number;
  /** The run began only now: its limit counts from here. */
  started(fetch: number, monotonic: number, unix: number): void;
  /** A run brought a token of this owner: to be told before `granted`. One of `Ownership`. */
  owned(fetch: number, owner: OwnerClaims, monotonic: number, unix: number): number;
  /** A run brought a token. Times that are unknown are NaN. One of `Settled`. */
  granted(
    fetch: number,
    expiresAt: number,
    refreshAt: number,
    issuedAt: number,
    unchanged: boolean,
    session: number,
    stability: number,
    monotonic: number,
    unix: number,
  ): number;
  none(fetch: number, stability: number, monotonic: number, unix: number): number;
  /** `retryAfter` is NaN where the source named none. */
  failed(
    fetch: number,
    network: boolean,
    retryAfter: number,
    stability: number,
    monotonic: number,
    unix: number,
  ): number;
  /** Settles one job at most: call again while `nextTimeout` is due. One of `Settled`. */
  timeout(monotonic: number, unix: number): number;
  settledJob(): number;
  settledEntry(): number;
  settledBase(): number;
  settledReason(): number;
  identityChanged(credential: number, monotonic: number, unix: number): void;
  identityTouched(credential: number, session: number, monotonic: number, unix: number): void;
  /** 0, or one of `Refusal`; so are the next three. */
  invalidateAll(monotonic: number, unix: number): number;
  invalidateCredential(credential: number, monotonic: number, unix: number): number;
  invalidateScopes(credential: number, scopes: readonly string[], monotonic: number, unix: number): number;
  invalidateRequest(
    credential: number,
    scopes: readonly string[],
    tenant: string | undefined,
    cae: boolean,
    claims: string | undefined,
    monotonic: number,
    unix: number,
  ): number;
  close(monotonic: number, unix: number): void;
  /** One of `Action`. */
  nextAction(): number;
  actionEntry(): number;
  actionFetch(): number;
  actionJob(): number;
  /** In monotonic milliseconds; infinity: never. */
  nextTimeout(): number;
  /** 0 nothing, 1 patience in front of a refresh, 2 the limit of a fetch. */
  nextTimeoutReason(): number;
  /** One of `Zone`; changes nothing. The `explained…` getters tell the rest. */
  explain(entry: number, monotonic: number, unix: number): number;
  explainedDue(): number;
  explainedLeft(): number;
  explainedGate(): number;
  explainedMemory(): number;
  explainedInFlight(): boolean;
  entryCount(): number;
  /** Gives its memory back now, instead of when it is collected. */
  free(): void;
}

/** What the driver asks of the code that holds tokens, callers and clocks. None of these may throw. */
export interface DriverHost {
  /** Runs `work`, and replaces an engine that fails in it. */
  guarded(work: () => void): void;
  begin(fetch: number, job: number, entry: number): Promise<unknown> | AtHand;
  abort(fetch: number): void;
  lapse(entry: number): void;
  forget(entry: number): void;
  drained(): void;
  stability(fetch: number): number;
  session(fetch: number): number;
  heldToken(fetch: number): string | undefined;
  issuedAt(token: string): number;
  isNetwork(error: unknown): boolean;
  /** In milliseconds; NaN where the error asks for no pause. */
  retryAfter(error: unknown): number;
  notAToken(): Error;
  monotonicMillis(): number;
  unixMillis(): number;
  /** `failed`: the result is an error. */
  ended(fetch: number, code: number, failed: boolean, result: unknown): void;
}

/** A token that somebody has got already: the fetch that it is of ends as it begins. */
export interface AtHand {
  readonly token: AccessToken;
  /** How long that took. */
  readonly milliseconds: number;
}

/** Runs credentials for an engine, on the cold path. */
export interface Driver {
  /** Has `host` perform every action that waits. It is held only while a credential runs: the wasm's memory is no one's to collect. */
  drain(host: DriverHost): void;
}

/** The numbers of a policy, in the order of core's fields; truths are 0 and 1. */
export type PolicyNumbers = number[];

/** What of a policy says whether a stored token answers. */
export interface UsableTerms {
  readonly minValidityMs: number;
  readonly scaleShortLives: boolean;
}

/** A store that is asked without JavaScript's timers, and may open while its key is not known yet. */
export interface NearStore {
  open(): void;
  /** Rejects where that takes longer. */
  load(key: EntryKey, patienceMs: number): Promise<StoredEntry>;
}

/** Where engines come from. */
export interface EngineModule {
  /** Of the addon's: its store. */
  readonly store?: NearStore;
  policyNumbers(preset: "default" | "azure-identity"): PolicyNumbers;
  /** `undefined` where a number of the policy is negative, not one, or too large. */
  create(policy: PolicyNumbers, maxEntries: number, seed: number): Engine | undefined;
  drive(engine: Engine): Driver;
  /** Whether a stored token answers a request under this login, in whose place `held` (NaN: none) was acquired. */
  storedIsUsable(
    token: StoredToken,
    login: StoredLogin,
    held: number,
    terms: UsableTerms,
    unix: number,
  ): boolean;
  /** Whether an input trapped: the engine is in the midst of something, and must not be asked again. */
  hasFailed(engine: Engine): boolean;
}

/** What wasm and the addon export, one beside the other in `core/src/engine/doors.rs`. */
export interface RawModule {
  policyNumber(azureIdentity: boolean, index: number): number;
  create(policy: PolicyNumbers, maxEntries: number, seed: number): RawEngine | null | undefined;
  storedIsUsable(
    expiresAt: number,
    acquiredAt: number,
    age: number,
    account: number,
    session: number,
    wantedAccount: number,
    wantedSession: number,
    held: number,
    minValidity: number,
    scaleShortLives: boolean,
    unix: number,
  ): boolean;
  follow: Follow;
}

/** The doors of an engine. */
export interface RawEngine {
  lookup(entry: number, monotonic: number, unix: number): number;
  text(text: string): void;
  request(
    what: number,
    credential: number,
    scopes: number,
    tenant: boolean,
    cae: boolean,
    claims: boolean,
    monotonic: number,
    unix: number,
  ): number;
  input(input: number, about: number, number: number, monotonic: number, unix: number): number;
  fetched(
    fetch: number,
    outcome: number,
    time: number,
    refreshAt: number,
    issuedAt: number,
    flag: boolean,
    session: number,
    stability: number,
    monotonic: number,
    unix: number,
  ): number;
  read(what: number): number;
  /** Of wasm, whose memory nobody collects. */
  free?(): void;
}

/** The engine behind these doors. */
export function engineModule(raw: RawModule): EngineModule {
  return {
    policyNumbers: (preset) => policyNumbers(raw, preset === "azure-identity"),
    create(policy, maxEntries, seed) {
      const engine = raw.create(policy, maxEntries, seed);
      return engine == null ? undefined : new NamedEngine(engine);
    },
    drive: (engine) => new EngineDriver(engine, raw.follow, () => hasFailed(engine)),
    storedIsUsable: (token, login, held, terms, unix) =>
      raw.storedIsUsable(
        token.expiresAt,
        token.acquiredAt,
        token.ageMs ?? Number.NaN,
        digest(token.login.account),
        digest(token.login.session),
        digest(login.account),
        digest(login.session),
        held,
        terms.minValidityMs,
        terms.scaleShortLives,
        unix,
      ),
    hasFailed,
  };
}

function policyNumbers(raw: RawModule, azureIdentity: boolean): PolicyNumbers {
  const numbers: number[] = [];
  for (;;) {
    const number = raw.policyNumber(azureIdentity, numbers.length);
    if (Number.isNaN(number)) return numbers;
    numbers.push(number);
  }
}

function hasFailed(engine: Engine): boolean {
  return (engine as NamedEngine).raw.failed;
}

/** The doors, and whether one of them ever threw. */
interface Doors extends RawEngine {
  failed: boolean;
}

function doorsOf(raw: RawEngine): Doors {
  const door =
    <Given extends unknown[], Answer>(open: (...given: Given) => Answer) =>
    (...given: Given): Answer => {
      try {
        return open.apply(raw, given);
      } catch (error) {
        doors.failed = true;
        throw error;
      }
    };
  const doors: Doors = {
    failed: false,
    lookup: door(raw.lookup),
    text: door(raw.text),
    request: door(raw.request),
    input: door(raw.input),
    fetched: door(raw.fetched),
    read: door(raw.read),
    free: () => raw.free?.(),
  };
  return doors;
}

/** What `request` does with a request; the numbers of `doors.rs`. */
const What = {
  Intern: 0,
  InvalidateAll: 1,
  InvalidateCredential: 2,
  InvalidateScopes: 3,
  InvalidateRequest: 4,
  Find: 5,
};

/** What `input` tells the machine. */
const Input = {
  Register: 0,
  Leave: 1,
  Started: 2,
  Timeout: 3,
  IdentityChanged: 4,
  IdentityTouched: 5,
  Explain: 6,
  NextAction: 7,
  Close: 8,
  Owned: 9,
};

/** What a run brought. */
const Outcome = { Granted: 0, None: 1, Failed: 2 };

/** The few doors by the names of what is behind them: names cost a module bytes, and nothing here. */
class NamedEngine implements Engine {
  readonly raw: Doors;

  constructor(raw: RawEngine) {
    this.raw = doorsOf(raw);
  }

  register(kind: number, fetchLimit: number): number {
    return this.raw.input(Input.Register, kind, fetchLimit, 0, 0);
  }

  intern(
    credential: number,
    scopes: readonly string[],
    tenant: string | undefined,
    cae: boolean,
    claims: string | undefined,
    monotonic: number,
    unix: number,
  ): number {
    return this.#request(What.Intern, credential, scopes, tenant, cae, claims, monotonic, unix);
  }

  find(
    credential: number,
    scopes: readonly string[],
    tenant: string | undefined,
    cae: boolean,
    claims: string | undefined,
  ): number {
    return this.#request(What.Find, credential, scopes, tenant, cae, claims, 0, 0);
  }

  lookup(entry: number, monotonic: number, unix: number): number {
    return this.raw.lookup(entry, monotonic, unix);
  }

  from(): number {
    return this.raw.read(0);
  }

  until(): number {
    return this.raw.read(1);
  }

  job(): number {
    return this.raw.read(2);
  }

  serveAt(): number {
    return this.raw.read(3);
  }

  leave(job: number, monotonic: number, unix: number): number {
    return this.raw.input(Input.Leave, job, 0, monotonic, unix);
  }

  started(fetch: number, monotonic: number, unix: number): void {
    this.raw.input(Input.Started, fetch, 0, monotonic, unix);
  }

  owned(fetch: number, owner: OwnerClaims, monotonic: number, unix: number): number {
    for (const claim of owner) this.raw.text(claim);
    return this.raw.input(Input.Owned, fetch, 0, monotonic, unix);
  }

  granted(
    fetch: number,
    expiresAt: number,
    refreshAt: number,
    issuedAt: number,
    unchanged: boolean,
    session: number,
    stability: number,
    monotonic: number,
    unix: number,
  ): number {
    const { raw } = this;
    return raw.fetched(
      fetch,
      Outcome.Granted,
      expiresAt,
      refreshAt,
      issuedAt,
      unchanged,
      session,
      stability,
      monotonic,
      unix,
    );
  }

  none(fetch: number, stability: number, monotonic: number, unix: number): number {
    return this.raw.fetched(fetch, Outcome.None, 0, 0, 0, false, 0, stability, monotonic, unix);
  }

  failed(
    fetch: number,
    network: boolean,
    retryAfter: number,
    stability: number,
    monotonic: number,
    unix: number,
  ): number {
    return this.raw.fetched(fetch, Outcome.Failed, retryAfter, 0, 0, network, 0, stability, monotonic, unix);
  }

  timeout(monotonic: number, unix: number): number {
    return this.raw.input(Input.Timeout, 0, 0, monotonic, unix);
  }

  settledJob(): number {
    return this.raw.read(4);
  }

  settledEntry(): number {
    return this.raw.read(5);
  }

  settledBase(): number {
    return this.raw.read(6);
  }

  settledReason(): number {
    return this.raw.read(7);
  }

  identityChanged(credential: number, monotonic: number, unix: number): void {
    this.raw.input(Input.IdentityChanged, credential, 0, monotonic, unix);
  }

  identityTouched(credential: number, session: number, monotonic: number, unix: number): void {
    this.raw.input(Input.IdentityTouched, credential, session, monotonic, unix);
  }

  invalidateAll(monotonic: number, unix: number): number {
    return this.#request(What.InvalidateAll, 0, [], undefined, false, undefined, monotonic, unix);
  }

  invalidateCredential(credential: number, monotonic: number, unix: number): number {
    return this.#request(
      What.InvalidateCredential,
      credential,
      [],
      undefined,
      false,
      undefined,
      monotonic,
      unix,
    );
  }

  invalidateScopes(credential: number, scopes: readonly string[], monotonic: number, unix: number): number {
    return this.#request(
      What.InvalidateScopes,
      credential,
      scopes,
      undefined,
      false,
      undefined,
      monotonic,
      unix,
    );
  }

  invalidateRequest(
    credential: number,
    scopes: readonly string[],
    tenant: string | undefined,
    cae: boolean,
    claims: string | undefined,
    monotonic: number,
    unix: number,
  ): number {
    return this.#request(What.InvalidateRequest, credential, scopes, tenant, cae, claims, monotonic, unix);
  }

  close(monotonic: number, unix: number): void {
    this.raw.input(Input.Close, 0, 0, monotonic, unix);
  }

  nextAction(): number {
    return this.raw.input(Input.NextAction, 0, 0, 0, 0);
  }

  actionEntry(): number {
    return this.raw.read(8);
  }

  actionFetch(): number {
    return this.raw.read(9);
  }

  actionJob(): number {
    return this.raw.read(10);
  }

  nextTimeout(): number {
    return this.raw.read(11);
  }

  nextTimeoutReason(): number {
    return this.raw.read(12);
  }

  explain(entry: number, monotonic: number, unix: number): number {
    return this.raw.input(Input.Explain, entry, 0, monotonic, unix);
  }

  explainedDue(): number {
    return this.raw.read(13);
  }

  explainedLeft(): number {
    return this.raw.read(14);
  }

  explainedGate(): number {
    return this.raw.read(15);
  }

  explainedMemory(): number {
    return this.raw.read(16);
  }

  explainedInFlight(): boolean {
    return this.raw.read(17) === 1;
  }

  entryCount(): number {
    return this.raw.read(18);
  }

  free(): void {
    this.raw.free?.();
  }

  /** Texts cross one by one, after the last moment at which a caller's own list could throw. */
  #request(
    what: number,
    credential: number,
    scopes: readonly string[],
    tenant: string | undefined,
    cae: boolean,
    claims: string | undefined,
    monotonic: number,
    unix: number,
  ): number {
    const texts = Array.from(scopes, (scope) => (typeof scope === "string" ? scope : ""));
    const count = texts.length;
    const hasTenant = typeof tenant === "string";
    if (hasTenant) texts.push(tenant);
    const hasClaims = typeof claims === "string";
    if (hasClaims) texts.push(claims);
    for (const text of texts) this.raw.text(text);
    return this.raw.request(what, credential, count, hasTenant, cae, hasClaims, monotonic, unix);
  }
}
