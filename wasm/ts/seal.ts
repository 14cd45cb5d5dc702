// seal(): the store that a cache takes, made of one that keeps bytes. What it needs is loaded at its first use.
import { OptionError } from "./errors.ts";
import type { ByteStore, SealOptions } from "./store/byte-store.ts";
import type { TokenStore } from "./store/token-store.ts";

const methods = ["load", "save", "remove", "list", "lock", "clear"] as const;
const keyLength = 32;

/**
 * A store for tokens, over one for bytes: each token is sealed with AES-256-GCM under a key of yours, and its name tells
 * nothing. Of several keys the first seals and all open.
 *
 * @throws OptionError where a key is not 32 bytes, or the store lacks a method.
 */
export function seal(bytes: ByteStore, options: SealOptions): TokenStore {
  for (const name of methods)
    if (typeof bytes?.[name] !== "function") throw new OptionError("store", `has no method ${name}`);
  return late(bytes, checkKeys(options));
}

/** @throws OptionError where it is not 32 bytes. */
export function checkKey(key: unknown): Uint8Array {
  if (key instanceof Uint8Array && key.length === keyLength) return key.slice();
  throw new OptionError(
    "key",
    `must be ${keyLength} random bytes, such as crypto.getRandomValues(new Uint8Array(${keyLength})), kept where your other secrets are`,
  );
}

/** The first seals, all open. */
export type Keys = readonly [Uint8Array, ...Uint8Array[]];

/** @throws OptionError where one is not 32 bytes, or there is none. */
export function checkKeys(options: SealOptions): Keys {
  const keys = options?.keys ?? [options?.key];
  const [first, ...others] = Array.isArray(keys) ? keys : [];
  return [checkKey(first), ...others.map(checkKey)];
}

function late(bytes: ByteStore, keys: Keys): TokenStore {
  let made: Promise<TokenStore> | undefined;
  const store = () => {
    made ??= import("./store.ts").then(({ SealedStore }) => new SealedStore(bytes, keys));
    return made;
  };
  return {
    pace: bytes.pace,
    load: async (key) => (await store()).load(key),
    tryLock: async (key, lane) => (await store()).tryLock(key, lane),
    save: async (key, token, over) => (await store()).save(key, token, over),
    saveFailure: async (key, failure) => (await store()).saveFailure(key, failure),
    invalidate: async (beginning) => (await store()).invalidate(beginning),
    clear: async () => (await store()).clear(),
  };
}
