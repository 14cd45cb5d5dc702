// azure-token-cache: Every runtime that has no entry point of its own.
import { defaultPlatform } from "./default-platform.ts";
import { inlineEngine } from "./load/inline.ts";
import { type TokenCache as Cache, createWithTokenCache } from "./token-cache.ts";

export * from "./public.ts";

const caching = createWithTokenCache(defaultPlatform, inlineEngine);

/** The credential with a cache of its own: `getToken` answers from memory, and refreshes in time. */
export const withTokenCache = caching.withTokenCache;

/** A cache that several credentials share. */
export const TokenCache = caching.TokenCache;
export type TokenCache = Cache;
