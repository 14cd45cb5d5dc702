// The engine's types, written by hand, and how its wasm comes to life: at the first use, once.
import * as glue from "./generated/engine.js";

/** The bytes of the engine, or the compiled module where a runtime refuses bytes. */
export type EngineSource = () => BufferSource | WebAssembly.Module;

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
  begin(fetch: number, job: number, entry: number): Promise<unknown>;
  abort(fetch: number): void;
  lapse(entry: number): void;
  forget(entry: number): void;
  drained(): void;
  stability(fetch: number): number;
  session(fetch: number): number;
  heldToken(fetch: number): string | undefined;
  issuedAt(token: string): number;
  notAToken(): Error;
  monotonicMillis(): number;
  unixMillis(): number;
  /** `failed`: the result is an error. */
  ended(fetch: number, code: number, failed: boolean, result: unknown): void;
}

/** Runs credentials for an engine, on the cold path. */
export interface Driver {
  /** Performs every action that waits. */
  drain(): void;
}

/** The numbers of a policy, in the order of core's fields; truths are 0 and 1. */
export type PolicyNumbers = ArrayLike<number>;

/** The wasm module, instantiated. */
export interface EngineModule {
  defaultPolicy(): Float64Array;
  azureIdentityPolicy(): Float64Array;
  /** `undefined` where a number of the policy is negative, not one, or too large. */
  create(policy: PolicyNumbers, maxEntries: number, seed: number): Engine | undefined;
  drive(engine: Engine, host: DriverHost): Driver;
}

let loaded: EngineModule | undefined;

/** Instantiates the wasm, the first time; importing this package costs nothing of that. */
export function loadEngine(source: EngineSource): EngineModule {
  if (loaded === undefined) {
    glue.initSync({ module: source() });
    loaded = {
      defaultPolicy: glue.defaultPolicy,
      azureIdentityPolicy: glue.azureIdentityPolicy,
      create: (policy, maxEntries, seed) =>
        glue.Engine.create(Float64Array.from(policy), maxEntries, seed) as Engine | undefined,
      drive: (engine, host) => new glue.Driver(engine as unknown as glue.Engine, host),
    };
  }
  return loaded;
}
