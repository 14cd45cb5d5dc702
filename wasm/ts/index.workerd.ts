// azure-token-cache: Cloudflare's workerd.
import { defaultPlatform } from "./default-platform.ts";
import { workerdEngine } from "./load/workerd.ts";
import { type TokenCache as Cache, createWithTokenCache } from "./token-cache.ts";

export * from "./public.ts";

const caching = createWithTokenCache(defaultPlatform, workerdEngine);

/** The credential with a cache of its own: `getToken` answers from memory, and refreshes in time. */
export const withTokenCache = caching.withTokenCache;

/** A cache that several credentials share. */
export const TokenCache = caching.TokenCache;
export type TokenCache = Cache;
