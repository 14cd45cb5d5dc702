// The numbers that the engine speaks, by name.

/** What `lookup` answers. */
export const Decision = {
  /** Serve the held token while `from <= unix < until`. */
  Hit: 0,
  /** The same, and a fetch began behind. */
  Refresh: 1,
  /** Wait for `job()`, and no longer than `serveAt()` while a token is held. */
  Wait: 2,
  /** Fail with the remembered error. */
  Fail: 3,
  /** The entry was evicted: intern again. */
  Unknown: 4,
} as const;

/** What an input settled. The getters `settledJob`, `settledEntry`, `settledBase` and `settledReason` tell the rest. */
export const Settled = {
  Nothing: 0,
  /** Keep the result for the entry, and for the base where that is not negative. */
  Granted: 1,
  /** Give the result to those who wait, and do not keep it. */
  HandedOut: 2,
  /** Give the held token to those who wait. */
  Served: 3,
  /** Give `null` to those who wait. */
  Null: 4,
  /** Give the error to those who wait, and remember it for the entry. */
  Failed: 5,
  /** The last who waited left. */
  Abandoned: 6,
} as const;

/** Whose error a failed job has. */
export const FailReason = {
  /** The credential's own. */
  Credential: 0,
  ExpiryMissing: 1,
  ExpiryInSeconds: 2,
  ExpiryPast: 3,
  /** The fetch took longer than its limit. */
  Limit: 4,
  /** The login kept moving while the credential ran. */
  LoginMoved: 5,
} as const;

/** What `nextAction` asks for. */
export const Action = {
  None: 0,
  /** Run the credential for `actionEntry()` as `actionFetch()`, and report with `granted`, `none` or `failed`. */
  Fetch: 1,
  /** End `actionFetch()`, if it can be ended. */
  Abort: 2,
  /** The lease of `actionEntry()` is over. */
  Lapse: 3,
  /** Drop what is held for `actionEntry()`. */
  Forget: 4,
} as const;

/** What `intern` and `invalidate…` return where they refuse. */
export const Refusal = {
  EmptyScope: -1,
  UnknownCredential: -2,
  /** Every entry has a fetch in flight: ask the credential itself. */
  Full: -3,
  Closed: -4,
  /** What `find` returns of a request that nobody interned. */
  NoEntry: -5,
} as const;

/** Whether the login stayed the same while a credential ran. */
export const Stability = { Steady: 0, MovedSameAccount: 1, Moved: 2 } as const;

/** Whether a token is the credential's, by its owner. */
export const Ownership = {
  Known: 0,
  /** Everything older was forgotten. */
  Other: 1,
  /** It is somebody else's, and nobody waits for it. */
  Refused: 2,
} as const;

/** Bits of a credential's kind. */
export const Kind = {
  /** Keyed by resource and tenant, as the Azure CLI is. */
  ByResource: 1,
  /** Cannot answer a claims challenge. */
  RefusesClaims: 2,
  /** A fetch must not be aborted. */
  Unabortable: 4,
  /** Asks a person. */
  Interactive: 8,
} as const;

/** What `nextTimeoutReason` answers. */
export const TimeoutReason = { None: 0, FrontPatience: 1, FetchLimit: 2 } as const;

/** What `explain` answers: a line of the decision table. */
export const Zone = { Fresh: 0, RefreshBehind: 1, RefreshInFront: 2, Expired: 3, Unknown: 4 } as const;

/** Why a token is due. */
export const Due = { No: 0, Hint: 1, BeforeExpiry: 2, HalfLife: 3, ClockSetBack: 4, Challenged: 5 } as const;
