// Every error that the cache makes itself, each saying what to do. Errors of a credential pass through as they are.

import type { StoredFailure } from "./store/token-store.ts";

/** What all errors of this package share. `code` is stable; bundles may hold copies of the class, so compare that. */
export class TokenCacheError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
    this.name = "TokenCacheError";
  }
}

/** An option that the cache does not know, or a value that it cannot be. */
export class OptionError extends TokenCacheError {
  readonly option: string;

  constructor(option: string, problem: string) {
    super("INVALID_OPTION", `option "${option}" ${problem}`);
    this.name = "OptionError";
    this.option = option;
  }
}

/** What was to be wrapped has no `getToken`. */
export class NotACredentialError extends TokenCacheError {
  constructor() {
    super(
      "NOT_A_CREDENTIAL",
      "withTokenCache needs a TokenCredential, an object with a getToken method, such as new DefaultAzureCredential()",
    );
    this.name = "NotACredentialError";
  }
}

/** A credential that has a cache was wrapped again, with options that could not count. */
export class AlreadyWrappedError extends TokenCacheError {
  constructor() {
    super(
      "ALREADY_WRAPPED",
      "this credential has a token cache already: pass the options where it is wrapped first, or wrap it without options",
    );
    this.name = "AlreadyWrappedError";
  }
}

/** `getToken` was taken off its credential and called without it. */
export class UnboundCallError extends TokenCacheError {
  constructor() {
    super(
      "UNBOUND_CALL",
      "getToken was called without its credential: call credential.getToken(scopes), or pass (scopes) => credential.getToken(scopes) on",
    );
    this.name = "UnboundCallError";
  }
}

/** The scopes of a call cannot be asked for. */
export class ScopesError extends TokenCacheError {
  constructor() {
    super(
      "INVALID_SCOPES",
      'getToken needs at least one scope, and every scope must be a string that is not empty, such as "https://vault.azure.net/.default"',
    );
    this.name = "ScopesError";
  }
}

/** The credential returned something that is neither a token nor null. */
export class NotATokenError extends TokenCacheError {
  constructor() {
    super(
      "NOT_A_TOKEN",
      "the credential returned an object without a `token` text: fix its getToken to return { token, expiresOnTimestamp }, or null",
    );
    this.name = "NotATokenError";
  }
}

/** What is wrong with a token's expiry. */
export type ExpiryProblem = "missing" | "in-seconds" | "past";

/** The credential returned a token whose expiry cannot be one. It was not kept. */
export class TokenExpiryError extends TokenCacheError {
  readonly problem: ExpiryProblem;

  constructor(problem: ExpiryProblem) {
    super("INVALID_EXPIRY", expiryMessages[problem]);
    this.name = "TokenExpiryError";
    this.problem = problem;
  }
}

const expiryMessages: Record<ExpiryProblem, string> = {
  missing:
    "the credential returned a token without an expiry: its expiresOnTimestamp must be milliseconds since the Unix epoch",
  "in-seconds":
    "the credential returned an expiresOnTimestamp that looks like seconds: multiply it by 1000, it must be milliseconds since the Unix epoch",
  past: "the credential returned a token that has expired: check the clock of this machine, and what the credential caches itself",
};

/** The credential took longer than the limit of a fetch. */
export class FetchTimeoutError extends TokenCacheError {
  readonly limitMs: number;

  constructor(limitMs: number) {
    super(
      "FETCH_TIMEOUT",
      `the credential did not answer within ${limitMs / 1000} s: check that its identity service can be reached, or raise policy.fetchLimitMs`,
    );
    this.name = "FetchTimeoutError";
    this.limitMs = limitMs;
  }
}

/** The login changed again and again while the credential ran. */
export class LoginMovedError extends TokenCacheError {
  constructor() {
    super(
      "LOGIN_MOVED",
      "the login kept changing while a token was fetched, so nobody can say whose token it is: let the other program finish, then try again",
    );
    this.name = "LoginMovedError";
  }
}

/** The new token belongs to another account than the one that is logged in. */
export class LoginContradictionError extends TokenCacheError {
  constructor() {
    super(
      "LOGIN_CONTRADICTION",
      'the credential returned a token of another account than the one that is logged in: log in again, or pass identity: "fixed" if this credential does not use that login',
    );
    this.name = "LoginContradictionError";
  }
}

/** Behind its callers, the credential got a token of somebody else than before. It was not kept; no caller sees this error. */
export class OtherOwnerError extends TokenCacheError {
  constructor() {
    super(
      "OTHER_OWNER",
      "the credential returned a token of another identity than before: a chain may have fallen through to its next part, so look why the part before it fails",
    );
    this.name = "OtherOwnerError";
  }
}

/** Another process ran the credential, and it failed there. `name` is that of the error there, as chains read it. */
export class StoredFailureError extends TokenCacheError {
  /** When it failed, in milliseconds since the Unix epoch. */
  readonly failedAt: number;
  /** The network failed, not the credential. */
  readonly network: boolean;
  /** The pause that the credential asked for, in seconds, as in the header of that name. */
  readonly retryAfter: number | undefined;

  constructor(failure: Omit<StoredFailure, "login">) {
    super("FAILED_ELSEWHERE", failure.message);
    this.name = failure.name;
    this.failedAt = failure.failedAt;
    this.network = failure.network;
    this.retryAfter = failure.retryAfterMs === undefined ? undefined : failure.retryAfterMs / 1000;
  }
}

/** Other processes hold every lock of the entry, and neither end nor bring a token. */
export class StoreBusyError extends TokenCacheError {
  constructor() {
    super(
      "STORE_BUSY",
      "other processes are fetching this token and do not finish: look for a stopped or hanging process that uses the same store, or leave out the option store",
    );
    this.name = "StoreBusyError";
  }
}

/** The store did not answer in time; its cache goes on without it. */
export class StoreTimeoutError extends TokenCacheError {
  constructor(milliseconds: number) {
    super(
      "STORE_TIMEOUT",
      `the store did not answer within ${milliseconds / 1000} s: check that it can be reached, or leave out the option store`,
    );
    this.name = "StoreTimeoutError";
  }
}

/** A cache that was not made by `TokenCache.deserialize` holds its tokens where nothing can be serialized from. */
export class NotSerializableError extends TokenCacheError {
  constructor() {
    super(
      "NOT_SERIALIZABLE",
      "only a cache that TokenCache.deserialize made can be serialized: make it with TokenCache.deserialize(undefined, { key })",
    );
    this.name = "NotSerializableError";
  }
}

/** The cache was closed. */
export class ClosedError extends TokenCacheError {
  constructor() {
    super("CLOSED", "this token cache was closed: wrap the credential again, or close it later");
    this.name = "ClosedError";
  }
}

/** This caller gave up, with its own signal. The others go on. */
export class AbortError extends TokenCacheError {
  constructor() {
    super("ABORTED", "the caller's abortSignal ended this request");
    this.name = "AbortError";
  }
}
