// What happened, for a log or a metric. No event holds a token, a claim or a user.

/** Whom an event is about. */
export interface EventSubject {
  /** What kind of credential: "credential" of one that is not known. */
  readonly kind: string;
  readonly scopes: readonly string[];
  /** Where the caller named one. */
  readonly tenantId?: string;
}

/** Which fetch an event is about. */
export interface FetchSubject extends EventSubject {
  /** Callers have the old token meanwhile. */
  readonly behind: boolean;
  /** It answers a claims challenge. */
  readonly challenged: boolean;
}

/** `"dropped"`: its result came too late to count, or the login moved meanwhile. */
export type FetchOutcome = "granted" | "null" | "failed" | "dropped";

/** What a store was asked to do. */
export type StoreOperation = "load" | "lock" | "save" | "save-failure" | "unlock";

/** Something that happened in a cache. A hit is not an event: count hits with `stats()`. */
export type CacheEvent =
  | (FetchSubject & { readonly type: "fetch-start" })
  | (FetchSubject & {
      readonly type: "fetch-end";
      readonly outcome: FetchOutcome;
      readonly milliseconds: number;
      /** The name of the error's class, nothing more of it. */
      readonly errorName?: string;
    })
  /** The fetch took longer than its limit, and ends as one that failed. */
  | (EventSubject & { readonly type: "fetch-limit" })
  /** Callers had the token that is held: its refresh failed, or took too long. */
  | (EventSubject & { readonly type: "served-stale" })
  /** A caller had the error of the last fetch. */
  | (EventSubject & { readonly type: "failure-remembered"; readonly errorName: string })
  /** `"account"`: another one is logged in, or none. `"session"`: the same one, perhaps anew. */
  | { readonly type: "identity-changed"; readonly kind: string; readonly change: "account" | "session" }
  /** The store could not do this; the answer came without it. */
  | (EventSubject & {
      readonly type: "store-failed";
      readonly operation: StoreOperation;
      readonly errorName: string;
      /** Of an error that has a code of capitals, such as `"STORE_NO_VAULT"`. */
      readonly errorCode?: string;
    })
  /** Nobody can say whose the token is beyond this process, so that it is not in the store. */
  | (EventSubject & { readonly type: "memory-only" })
  /** The engine failed, which is an error of this package, and was replaced: tokens are fetched again. */
  | { readonly type: "engine-failed"; readonly errorName: string }
  /** A request went past the cache, which is full of fetches in flight; or its tenant or claims are not text. */
  | (EventSubject & { readonly type: "passed-by" });

/** Called with every event, at once. What it throws is ignored. */
export type EventListener = (event: CacheEvent) => void;

/** A listener that breaks nothing. */
export function shielded(listener: EventListener): EventListener {
  return (event) => {
    try {
      // A promise may be of another realm, or of a library.
      Promise.resolve(listener(event) as unknown).catch(() => {});
    } catch {
      // Its own business: a token is worth more than a log line.
    }
  };
}

/** The store could not do `operation`. */
export function storeFailed(subject: EventSubject, operation: StoreOperation, error: unknown): CacheEvent {
  const errorCode = errorCodeOf(error);
  const named = { errorName: errorNameOf(error), ...(errorCode !== undefined && { errorCode }) };
  return { type: "store-failed", ...subject, operation, ...named };
}

/** The code of an error, where it can be nothing else. */
export function errorCodeOf(error: unknown): string | undefined {
  try {
    const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
    return typeof code === "string" && /^[A-Z][A-Z_]{1,47}$/.test(code) ? code : undefined;
  } catch {
    return undefined;
  }
}

/** The name of an error's class; of anything that could be more than a name, nothing. */
export function errorNameOf(error: unknown): string {
  try {
    const name: unknown = error instanceof Error ? error.name : undefined;
    return typeof name === "string" && /^[A-Za-z_$][\w$]{0,47}$/.test(name) ? name : "Error";
  } catch {
    return "Error";
  }
}
