// What a user holds: a credential whose getToken answers from memory. The hit is here, and nothing else is hot.
import type { CacheHost } from "./cache-host.ts";
import type { Clock } from "./clock.ts";
import type { AccessToken, GetTokenOptions, TokenCredential } from "./credential.ts";
import { UnboundCallError } from "./errors.ts";
import type { Explanation } from "./explanation.ts";
import type { Owner } from "./owner.ts";
import type { LoginWatch } from "./platform.ts";
import type { Place, RequestTree } from "./request-tree.ts";
import type { Slot } from "./slot.ts";
import type { Stats } from "./stats.ts";

/** A credential with a cache. */
export interface CachedCredential extends TokenCredential {
  /** Forgets all tokens, those of a set of scopes whatever their tenant, or with `options` that of one request. */
  invalidate(scopes?: string | string[], options?: GetTokenOptions): Promise<void>;
  /** What a call would get now, and why. It looks at the login as a call does; it fetches nothing, and makes no entry. */
  explain(scopes: string | string[], options?: GetTokenOptions): Explanation;
  stats(): Stats;
  /**
   * Forgets everything; those who wait, and later calls, get a `ClosedError`. Resolves when what was fetched is in the store:
   * a program that closes its store's connection waits for it.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Marks a wrapper, also for another copy of this package in the same program. */
export const brand: unique symbol = Symbol.for("azure-token-cache.cached-credential") as never;

/** Whether a credential has a cache already. */
export function isCached(credential: object): boolean {
  return brand in credential;
}

/** A wrapper of `owner`; `close` is what closing it does. */
export function cachedCredential(host: CacheHost, owner: Owner, close: () => void): CachedCredential {
  if (owner.watch?.everyMs === 0) return new WatchedCredential(host, owner, close, owner.watch, host);
  if (host.ownClock !== undefined) return new ClockedCredential(host, owner, close, host.ownClock);
  return new FixedCredential(host, owner, close);
}

abstract class Wrapper implements CachedCredential {
  readonly #host: CacheHost;
  readonly #owner: Owner;
  readonly #close: () => void;

  constructor(host: CacheHost, owner: Owner, close: () => void) {
    this.#host = host;
    this.#owner = owner;
    this.#close = close;
    owner.quickHits = () => this.quickHits();
  }

  get [brand](): true {
    return true;
  }

  abstract getToken(scopes: string | string[], options?: GetTokenOptions): Promise<AccessToken | null>;
  /** Hits that getToken answered by itself. */
  protected abstract quickHits(): number;

  protected ask(
    scopes: string | string[],
    options: GetTokenOptions | undefined,
  ): Promise<AccessToken | null> {
    return this.#host.ask(this.#owner, scopes, options);
  }

  async invalidate(scopes?: string | string[], options?: GetTokenOptions): Promise<void> {
    await this.#host.invalidate(this.#owner, scopes, options);
  }

  explain(scopes: string | string[], options?: GetTokenOptions): Explanation {
    return this.#host.explain(this.#owner, scopes, options);
  }

  stats(): Stats {
    return this.#owner.stats();
  }

  async close(): Promise<void> {
    this.#close();
    const { first, shelf } = this.#owner;
    first?.drop();
    if (shelf !== undefined) await shelf.finished();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Nobody can change its login, or a look now and then is enough: one look-up, one clock reading, two comparisons. */
class FixedCredential extends Wrapper {
  readonly #tree: RequestTree;
  readonly #roots: Map<string, Place>;
  #hits = 0;

  constructor(host: CacheHost, owner: Owner, close: () => void) {
    super(host, owner, close);
    this.#tree = owner.tree;
    this.#roots = owner.tree.roots;
  }

  getToken(scopes: string | string[], options?: GetTokenOptions): Promise<AccessToken | null> {
    try {
      if (options === undefined && typeof scopes === "string") {
        const slot = this.#roots.get(scopes)?.plain;
        if (slot !== undefined) {
          const now = Date.now();
          if (now >= slot.from && now < slot.until) {
            this.#hits += 1;
            return slot.answer as Promise<AccessToken>;
          }
        }
        return this.ask(scopes, options);
      }
      const slot = find(this.#tree, scopes, options);
      if (slot !== undefined) {
        const now = Date.now();
        if (now >= slot.from && now < slot.until) {
          this.#hits += 1;
          return slot.answer as Promise<AccessToken>;
        }
      }
      return this.ask(scopes, options);
    } catch (error) {
      return rejected(this, error);
    }
  }

  protected override quickHits(): number {
    return this.#hits;
  }
}

/** The same on a clock of the user's. */
class ClockedCredential extends Wrapper {
  readonly #tree: RequestTree;
  readonly #clock: Clock;
  #hits = 0;

  constructor(host: CacheHost, owner: Owner, close: () => void, clock: Clock) {
    super(host, owner, close);
    this.#tree = owner.tree;
    this.#clock = clock;
  }

  getToken(scopes: string | string[], options?: GetTokenOptions): Promise<AccessToken | null> {
    try {
      const slot = find(this.#tree, scopes, options);
      if (slot !== undefined) {
        const now = this.#clock.unixMillis();
        if (now >= slot.from && now < slot.until) {
          this.#hits += 1;
          return slot.answer as Promise<AccessToken>;
        }
      }
      return this.ask(scopes, options);
    } catch (error) {
      return rejected(this, error);
    }
  }

  protected override quickHits(): number {
    return this.#hits;
  }
}

/** Its login is looked at on every call, last, with the token in hand. */
class WatchedCredential extends Wrapper {
  readonly #tree: RequestTree;
  readonly #watch: LoginWatch;
  readonly #clock: Pick<Clock, "unixMillis">;
  #hits = 0;

  constructor(
    host: CacheHost,
    owner: Owner,
    close: () => void,
    watch: LoginWatch,
    clock: Pick<Clock, "unixMillis">,
  ) {
    super(host, owner, close);
    this.#tree = owner.tree;
    this.#watch = watch;
    this.#clock = clock;
  }

  getToken(scopes: string | string[], options?: GetTokenOptions): Promise<AccessToken | null> {
    try {
      const slot = find(this.#tree, scopes, options);
      if (slot !== undefined) {
        const now = this.#clock.unixMillis();
        if (now >= slot.from && now < slot.until && this.#watch.unchanged(now)) {
          this.#hits += 1;
          return slot.answer as Promise<AccessToken>;
        }
      }
      return this.ask(scopes, options);
    } catch (error) {
      return rejected(this, error);
    }
  }

  protected override quickHits(): number {
    return this.#hits;
  }
}

/** A promise whatever happens: the signature of `getToken` has no other way to fail. */
function rejected(caller: unknown, error: unknown): Promise<never> {
  return Promise.reject(caller instanceof Wrapper ? error : new UnboundCallError());
}

/** The slot of a call that may be answered from memory, read property by property: no key string, no allocation. */
function find(
  tree: RequestTree,
  scopes: string | string[],
  options: GetTokenOptions | undefined,
): Slot | undefined {
  if (options === undefined || options === null) return tree.find(scopes, undefined, false);
  if (options.claims || options.proofOfPossessionOptions != null || options.abortSignal?.aborted === true)
    return undefined;
  return tree.find(scopes, options.tenantId ?? undefined, options.enableCae === true);
}
