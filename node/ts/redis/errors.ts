// Why the server could not do what a store asked of it, in words that tell nothing of the server's own.
import { TokenCacheError } from "../../../wasm/ts/errors.ts";

/** What stands in the way. */
export type RedisStoreProblem = keyof typeof whatToDo;

/**
 * The Redis server could not do this; tokens come from memory and from the credential meanwhile. Its message holds nothing
 * that the server or the client said: that may be an address, a password or a value.
 */
export class RedisStoreError extends TokenCacheError {
  readonly problem: RedisStoreProblem;

  constructor(problem: RedisStoreProblem) {
    super(`REDIS_${problem}`, whatToDo[problem]);
    this.name = "RedisStoreError";
    this.problem = problem;
  }
}

const whatToDo = {
  NOT_CONNECTED:
    "the Redis client is not connected: await client.connect() before the first token, and close it after the last",
  UNREACHABLE:
    "the Redis server cannot be reached: check its address, its certificate and the network; the client connects again by itself",
  TIMEOUT:
    "the Redis server did not answer in time: check its load and its distance, or raise patienceMs; it is left alone until it answers again",
  LEFT_ALONE: "the Redis server did not answer a moment ago, and is left alone until it does",
  READ_ONLY: "the Redis server is a replica, and takes no tokens: connect to the primary",
  OUT_OF_MEMORY:
    "the Redis server is full: raise its maxmemory, or set maxmemory-policy to volatile-ttl, which drops tokens that end soon",
  NO_PERMISSION:
    "the Redis user may not do this: allow it the store's keys and the commands that docs/fleet.md names",
  NOT_AUTHENTICATED:
    "the Redis server refused the password: check the user name and the password of the client",
  NOT_SERVING: "the Redis server cannot serve now: it loads its data, fails over, or cannot save them",
  FOREIGN_DATA: "under this prefix the Redis server has data of another program: choose another prefix",
  REFUSED: "the Redis server refused: it must be Redis 5 or newer, or one compatible, and allow Lua scripts",
} as const;

/** The error codes of Redis, which stand first in a message, or, on older servers, behind what is said of the script. */
const codes: Readonly<Record<string, RedisStoreProblem>> = {
  READONLY: "READ_ONLY",
  OOM: "OUT_OF_MEMORY",
  NOPERM: "NO_PERMISSION",
  NOAUTH: "NOT_AUTHENTICATED",
  WRONGPASS: "NOT_AUTHENTICATED",
  LOADING: "NOT_SERVING",
  BUSY: "NOT_SERVING",
  MISCONF: "NOT_SERVING",
  NOREPLICAS: "NOT_SERVING",
  MASTERDOWN: "NOT_SERVING",
  CLUSTERDOWN: "NOT_SERVING",
  TRYAGAIN: "NOT_SERVING",
  WRONGTYPE: "FOREIGN_DATA",
  ERR: "REFUSED",
};

/** The server has not seen the script since it started. */
export function isUnknownScript(error: unknown): boolean {
  return messageOf(error).startsWith("NOSCRIPT");
}

/** What an error of the client is. */
export function redisStoreError(error: unknown): RedisStoreError {
  if (error instanceof RedisStoreError) return error;
  const message = messageOf(error);
  // Of a command inside a script Redis 7 says it so.
  if (message.includes("user executing the script")) return new RedisStoreError("NO_PERMISSION");
  const said = message.match(/(?<![A-Za-z])[A-Z]{3,}(?![A-Za-z])/g) ?? [];
  const known = said.filter((word) => word in codes);
  // Older servers say ERR first, and behind it what the script ran into.
  const code = known.find((word) => word !== "ERR") ?? known[0];
  return new RedisStoreError(codes[code ?? ""] ?? "UNREACHABLE");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "";
}
