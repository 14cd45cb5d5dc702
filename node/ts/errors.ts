// The errors that a caller of a credential meets, by the names that chains of credentials look for.

/**
 * This credential cannot bring a token here and now; a chain goes on with its next one. It has the name of
 * `@azure/identity`'s class, which chains compare, and is no instance of it: that package need not be installed.
 */
export class CredentialUnavailableError extends Error {
  /** What went wrong, in one stable word: `NotInstalled`, `LoginRequired`, `TimedOut`, ... */
  readonly code: string;

  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CredentialUnavailableError";
    this.code = code;
  }
}

/** The caller's own abort signal ended the wait. Named as the Azure SDK's and the platform's. */
export class AbortError extends Error {
  readonly code = "ABORT_ERR";

  /** The cause is the signal's reason; the signals of some polyfills have none. */
  constructor(signal: object | undefined) {
    super("The operation was aborted.", signal && "reason" in signal ? { cause: signal.reason } : undefined);
    this.name = "AbortError";
  }
}
