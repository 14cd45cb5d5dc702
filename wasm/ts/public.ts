// What every entry point of the cache exports beside `withTokenCache` and `TokenCache`: types and errors.
export type { CachedCredential } from "./cached-credential.ts";
export type { Clock } from "./clock.ts";
export type { AbortSignalLike, AccessToken, GetTokenOptions, TokenCredential } from "./credential.ts";
export * from "./errors.ts";
export type { CacheEvent, EventListener, EventSubject, FetchOutcome, FetchSubject } from "./events.ts";
export type { Explanation } from "./explanation.ts";
export type { TokenCacheOptions, WithTokenCacheOptions, WrapOptions } from "./options.ts";
export type { Policy, PolicyOption } from "./policy.ts";
export { seal } from "./seal.ts";
export type { Stats } from "./stats.ts";
export type { ByteStore, SealOptions } from "./store/byte-store.ts";
export { entryKey } from "./store/entry-key.ts";
export type {
  EntryKey,
  Generation,
  StoredEntry,
  StoredFailure,
  StoredLogin,
  StoredToken,
  StoreLock,
  TokenStore,
} from "./store/token-store.ts";
export type { CacheStats } from "./token-cache.ts";
