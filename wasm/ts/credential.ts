// The shapes of `@azure/core-auth`, by structure: this package depends on no SDK.

/** Something that gets tokens, as `@azure/core-auth` defines it. */
export interface TokenCredential {
  getToken(scopes: string | string[], options?: GetTokenOptions): Promise<AccessToken | null>;
}

/** What a caller may ask for beside scopes. */
export interface GetTokenOptions {
  /** Rejects this caller alone. */
  abortSignal?: AbortSignalLike;
  requestOptions?: { timeout?: number };
  // biome-ignore lint/suspicious/noExplicitAny: the SDK's own type of it is opaque, and passes through unread.
  tracingOptions?: { tracingContext?: any };
  /** A claims challenge: it is never answered by a token from before it. */
  claims?: string;
  enableCae?: boolean;
  tenantId?: string;
  /** Requests with it go to the credential, past the cache. */
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  proofOfPossessionOptions?: any;
}

/** What an `AbortSignal`, and its polyfills, have in common. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** A token and its times, in milliseconds since the Unix epoch. The cache hands out one frozen copy to all callers. */
export interface AccessToken {
  token: string;
  expiresOnTimestamp: number;
  refreshAfterTimestamp?: number;
  tokenType?: "Bearer" | "pop";
}
