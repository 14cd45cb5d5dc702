// One cache for any number of credentials, and the one-liner that makes a cache for one.
import { CacheHost } from "./cache-host.ts";
import { type CachedCredential, cachedCredential, isCached } from "./cached-credential.ts";
import { systemClock } from "./clock.ts";
import type { GetTokenOptions, TokenCredential } from "./credential.ts";
import {
  AlreadyWrappedError,
  ClosedError,
  NotACredentialError,
  NotSerializableError,
  OptionError,
} from "./errors.ts";
import {
  type CheckedOptions,
  type CheckedWrapOptions,
  checkCacheOptions,
  checkWrapOptions,
  hasOptions,
  type TokenCacheOptions,
  type WithTokenCacheOptions,
  type WrapOptions,
} from "./options.ts";
import type { Owner } from "./owner.ts";
import type { LoginWatch, Platform } from "./platform.ts";
import { checkKey } from "./seal.ts";
import { settleAll } from "./settle-all.ts";
import { forgetAtSignIn } from "./sign-in.ts";
import { noStats, type Stats, sum } from "./stats.ts";
import type { MemoryTokenStore } from "./store/memory-token-store.ts";
import type { TokenStore } from "./store/token-store.ts";
import { SwitchedOffCredential } from "./switched-off.ts";
import { type EngineSource, loadEngine } from "./wasm-engine.ts";
import { whoseTokens } from "./whose.ts";

/** Counts of a whole cache. */
export interface CacheStats extends Stats {
  /** Requests that the cache knows, with or without a token. */
  readonly entries: number;
  readonly fetchesInFlight: number;
}

/** Tokens of any number of credentials, bounded together. Two credentials never share one. */
export interface TokenCache {
  /** The credential with this cache; the same wrapper each time. */
  wrap(credential: TokenCredential, options?: WrapOptions): CachedCredential;
  /**
   * Forgets, for every credential, all tokens, those of a set of scopes, or with `options` that of one request. Of tokens that
   * were deserialized, those of a set of scopes are forgotten for credentials that have been wrapped since.
   */
  invalidate(scopes?: string | string[], options?: GetTokenOptions): Promise<void>;
  /** Forgets all tokens. */
  clear(): Promise<void>;
  stats(): CacheStats;
  /** Whether a token came or went since this cache was deserialized, or last serialized. */
  readonly hasStateChanged: boolean;
  /**
   * All tokens, sealed with a key of 32 bytes, for those who keep bytes themselves.
   *
   * @throws NotSerializableError of a cache that `TokenCache.deserialize` did not make.
   */
  serialize(options: { key: Uint8Array }): Promise<Uint8Array>;
  /**
   * Forgets everything, for good: those who wait, and later calls, get a `ClosedError`. Resolves when what was fetched is in
   * the store.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What an entry point of a runtime exports. */
export interface TokenCaching {
  /**
   * The credential with a cache of its own.
   *
   * @throws NotACredentialError, OptionError; AlreadyWrappedError where it has a cache already and options are given.
   */
  withTokenCache(credential: TokenCredential, options?: WithTokenCacheOptions): CachedCredential;
  TokenCache: TokenCacheClass;
}

/** The class `TokenCache`. */
export interface TokenCacheClass {
  new (options?: TokenCacheOptions): TokenCache;
  /**
   * A cache with the tokens that `serialize` gave; of `undefined` or `null` an empty one. Its credentials need a `partition`, unless
   * the cache knows whose tokens they get.
   *
   * @throws OptionError where the key does not open the bytes.
   */
  deserialize(bytes: Uint8Array | null | undefined, options: DeserializeOptions): Promise<TokenCache>;
}

/** The key of `serialize`, and options of a cache; its store is the bytes. */
export interface DeserializeOptions extends Omit<TokenCacheOptions, "store"> {
  key: Uint8Array;
}

/** Caching on a platform; `source` is where its engine comes from. */
export function createWithTokenCache(platform: Platform, source: EngineSource): TokenCaching {
  const isOff = () => platform.environment("AZURE_TOKEN_CACHE")?.trim().toLowerCase() === "off";

  function hostOf(options: CheckedOptions): CacheHost {
    const engine = platform.engine?.(options.store) ?? loadEngine(source);
    return new CacheHost(engine, platform, options);
  }

  function adopt(
    host: () => CacheHost,
    credential: TokenCredential,
    own: CheckedWrapOptions,
    store: TokenStore | undefined,
    close: (host: CacheHost, owner: Owner) => void,
  ): CachedCredential {
    const watch = watchOf(platform, credential, own.identity);
    if (isOff()) return new SwitchedOffCredential(credential);
    const whose = store && whoseTokens(credential, own, watch, platform);
    const to = host();
    const owner = to.adopt(credential, watch, whose);
    const wrapper = cachedCredential(to, owner, () => close(to, owner));
    forgetAtSignIn(credential, () => wrapper.invalidate());
    return wrapper;
  }

  class Cache implements TokenCache {
    readonly #options: ReturnType<typeof checkCacheOptions>;
    readonly #wrapped = new WeakMap<TokenCredential, CachedCredential>();
    readonly #all = new Set<CachedCredential>();
    /** Counts of wrappers that were closed. */
    #past = noStats;
    #host: CacheHost | undefined;
    #closed = false;
    /** Of a cache that was deserialized: its tokens. */
    #portable: MemoryTokenStore | undefined;

    constructor(options?: TokenCacheOptions) {
      this.#options = checkCacheOptions(options, false);
    }

    static async deserialize(
      bytes: Uint8Array | null | undefined,
      options: DeserializeOptions,
    ): Promise<TokenCache> {
      const { key, ...others } = Object(options) as DeserializeOptions;
      const { deserializeStore, MemoryTokenStore } = await import("./store.ts");
      const opening = checkKey(key);
      if (bytes != null && !(bytes instanceof Uint8Array)) throw new OptionError("bytes", areNone);
      const { maxEntries } = checkCacheOptions(others, false);
      const store =
        bytes == null ? new MemoryTokenStore(maxEntries) : await deserializeStore(bytes, opening, maxEntries);
      if (store === undefined) throw new OptionError("key", doesNotOpen);
      const cache = new Cache({ ...others, store });
      cache.#portable = store;
      return cache;
    }

    get hasStateChanged(): boolean {
      return this.#portable?.hasChanged === true;
    }

    async serialize(options: { key: Uint8Array }): Promise<Uint8Array> {
      if (this.#portable === undefined) throw new NotSerializableError();
      const key = checkKey(options?.key);
      const { serializeStore } = await import("./store.ts");
      const clock = this.#options.clock ?? systemClock();
      return serializeStore(this.#portable, key, clock.unixMillis());
    }

    wrap(credential: TokenCredential, options?: WrapOptions): CachedCredential {
      const own = checkWrapOptions(options, false);
      mustBeCredential(credential);
      if (this.#closed) throw new ClosedError();
      const known = isCached(credential) ? (credential as CachedCredential) : this.#wrapped.get(credential);
      if (known !== undefined) return again(known, options);
      const wrapper = adopt(
        () => this.#loaded(),
        credential,
        own,
        this.#options.store,
        (host, owner) => {
          host.release(owner);
          this.#drop(credential, wrapper);
        },
      );
      this.#wrapped.set(credential, wrapper);
      this.#all.add(wrapper);
      return wrapper;
    }

    async invalidate(scopes?: string | string[], options?: GetTokenOptions): Promise<void> {
      if (this.#closed) throw new ClosedError();
      // Each forgets at once what is in memory, whatever the store says to any of them.
      const forgotten = [...this.#all].map((wrapper) => wrapper.invalidate(scopes, options));
      // Bytes may hold tokens of credentials that are not wrapped yet.
      if (scopes === undefined && this.#portable !== undefined) forgotten.push(this.#portable.clear());
      await settleAll(forgotten);
    }

    async clear(): Promise<void> {
      if (this.#closed) throw new ClosedError();
      this.#host?.invalidateAll();
      // In the store too, which other caches share: what is not of these credentials stays.
      if (this.#options.store !== undefined) await this.invalidate();
    }

    stats(): CacheStats {
      return {
        ...[...this.#all].reduce((total, wrapper) => sum(total, wrapper.stats()), this.#past),
        entries: this.#host?.entries ?? 0,
        fetchesInFlight: this.#host?.fetchesInFlight ?? 0,
      };
    }

    async close(): Promise<void> {
      this.#closed = true;
      this.#host?.close();
      await Promise.all([...this.#all].map((wrapper) => wrapper.close()));
    }

    [Symbol.asyncDispose](): Promise<void> {
      return this.close();
    }

    /** A closed wrapper: its credential may be wrapped anew. */
    #drop(credential: TokenCredential, wrapper: CachedCredential): void {
      if (!this.#all.delete(wrapper)) return;
      this.#wrapped.delete(credential);
      this.#past = sum(this.#past, wrapper.stats());
    }

    #loaded(): CacheHost {
      this.#host ??= hostOf(this.#options);
      return this.#host;
    }
  }

  function withTokenCache(credential: TokenCredential, options?: WithTokenCacheOptions): CachedCredential {
    const checked = checkCacheOptions(options, true);
    const own = checkWrapOptions(options, true);
    mustBeCredential(credential);
    if (isCached(credential)) return again(credential as CachedCredential, options);
    return adopt(
      () => hostOf(checked),
      credential,
      own,
      checked.store,
      (host) => host.close(),
    );
  }

  return { withTokenCache, TokenCache: Cache };
}

const doesNotOpen =
  "does not open these bytes: pass the key that they were serialized with, or undefined instead of the bytes to begin anew";

const areNone = "must be what serialize() gave, a Uint8Array, or undefined to begin anew";

function mustBeCredential(credential: unknown): void {
  if (typeof (credential as TokenCredential | null | undefined)?.getToken !== "function")
    throw new NotACredentialError();
}

function again(wrapper: CachedCredential, options: unknown): CachedCredential {
  if (hasOptions(options)) throw new AlreadyWrappedError();
  return wrapper;
}

function watchOf(platform: Platform, credential: TokenCredential, identity: unknown): LoginWatch | undefined {
  return identity === "fixed" ? undefined : platform.watch(credential, identity);
}
