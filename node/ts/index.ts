// azure-token-cache on Node, Bun and Deno: it watches who is logged in, and its timers keep no process alive.
import { type TokenCache as Cache, createWithTokenCache } from "../../wasm/ts/token-cache.ts";
import { engineSource } from "./load/engine.ts";
import { nodePlatform } from "./platform.ts";

export * from "../../wasm/ts/public.ts";

const caching = createWithTokenCache(nodePlatform, engineSource);

/** The credential with a cache of its own: `getToken` answers from memory, and refreshes in time. */
export const withTokenCache = caching.withTokenCache;

/** A cache that several credentials share. */
export const TokenCache = caching.TokenCache;
export type TokenCache = Cache;
