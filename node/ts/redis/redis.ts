// The entry point azure-token-cache/redis: one store for a fleet of machines.
import { OptionError } from "../../../wasm/ts/errors.ts";
import { checkKeys } from "../../../wasm/ts/seal.ts";
import type { SealOptions } from "../../../wasm/ts/store/byte-store.ts";
import type { TokenStore } from "../../../wasm/ts/store/token-store.ts";
import { type RedisClient, RedisServer } from "./server.ts";
import { RedisTokenStore } from "./store.ts";

export { RedisStoreError, type RedisStoreProblem } from "./errors.ts";
export type { RedisClient } from "./server.ts";

/** The keys that tokens are sealed with, and where on the server they stand. */
export interface RedisTokenStoreOptions extends SealOptions {
  /** What the names of its keys begin with. Programs with the same prefix and key share tokens. Default: `"azure-token-cache"`. */
  readonly prefix?: string;
  /**
   * How long a caller waits for the server, in milliseconds, before it goes on without it. Default: 200, far more than a
   * server nearby takes. One that took longer is left alone until it answers again, and nobody waits for that.
   */
  readonly patienceMs?: number;
}

/**
 * A store for `withTokenCache(credential, { store: redisTokenStore(client, { key }) })`, for all machines that share a Redis
 * server and a key of 32 random bytes. The server holds no token that it could read. Without the server tokens come from
 * memory and from the credential, and events say so.
 *
 * `client` is one of `createClient` of the npm package `redis`, version 4.6 or newer, or of `createCluster` or `createSentinel`,
 * version 5 or newer: the cluster of version 4 sends scripts to any of its nodes. It stays yours: connect it, listen to its
 * errors, and close it.
 *
 * @throws OptionError where a key is not 32 bytes, the prefix cannot be one, or the client is none.
 */
export function redisTokenStore(client: RedisClient, options: RedisTokenStoreOptions): TokenStore {
  for (const method of ["eval", "evalSha"] as const)
    if (typeof client?.[method] !== "function")
      throw new OptionError("client", `has no method ${method}: pass what createClient of redis returned`);
  const keys = checkKeys(options);
  const { prefix, patienceMs } = options;
  return new RedisTokenStore(
    new RedisServer(client, checkedPatience(patienceMs)),
    keys,
    checkedPrefix(prefix),
  );
}

function checkedPrefix(prefix: unknown = "azure-token-cache"): string {
  if (typeof prefix === "string" && /^[A-Za-z0-9:._-]{1,64}$/.test(prefix)) return prefix;
  throw new OptionError("prefix", "must be 1 to 64 letters, digits, colons, dots, hyphens and underscores");
}

function checkedPatience(patienceMs: unknown = 200): number {
  if (typeof patienceMs === "number" && patienceMs >= 1 && patienceMs <= 5_000) return patienceMs;
  throw new OptionError("patienceMs", "must be a number of milliseconds from 1 to 5000");
}
