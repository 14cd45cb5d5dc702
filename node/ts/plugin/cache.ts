// MSAL's cache plugin: before MSAL looks into its cache it holds what the file holds, and after a change the file holds both.
//
// No lock is held between the two calls: a process that stops there would stop all others. What two processes did at once is
// merged when it is written, under a lock that only native code holds.
import { entryKey } from "../../../wasm/ts/store/entry-key.ts";
import type { SealedFiles } from "./files.ts";
import { CacheInMemory, type TokenCache } from "./memory.ts";
import type { CacheName } from "./names.ts";
import type { SignIns } from "./sign-ins.ts";

/** What MSAL passes to both calls. */
export interface CacheContext {
  readonly tokenCache: TokenCache;
  /** Before: whether MSAL is about to change its cache. After: whether it did. */
  readonly cacheHasChanged: boolean;
}

/** MSAL's `ICachePlugin`. */
export interface CachePlugin {
  beforeCacheAccess(context: CacheContext): Promise<void>;
  afterCacheAccess(context: CacheContext): Promise<void>;
}

/** For `AZURE_TOKEN_CACHE=off`. */
export const withoutCache: CachePlugin = {
  async beforeCacheAccess() {},
  async afterCacheAccess() {},
};

export class PersistentCache implements CachePlugin {
  readonly #files: SealedFiles;
  readonly #key: Uint8Array;
  readonly #signIns: SignIns | undefined;
  readonly #memories = new WeakMap<TokenCache, CacheInMemory>();
  /** Of those who are about to change something: how their turn ends. */
  readonly #changing = new WeakMap<CacheContext, () => void>();
  #isFlawKnown = false;

  constructor(files: SealedFiles, name: CacheName, signIns: SignIns | undefined) {
    this.#files = files;
    this.#key = keyOf(name);
    this.#signIns = signIns;
  }

  /** Deletes the files of both caches with this name. */
  static async remove(files: SealedFiles, base: string): Promise<void> {
    for (const cae of [false, true]) await files.remove(keyOf({ base, cae }));
  }

  async beforeCacheAccess(context: CacheContext): Promise<void> {
    const memory = this.#memoryOf(context.tokenCache);
    memory.restoreIfCleared();
    const endTurn = await memory.turn();
    try {
      await this.#load(memory);
    } catch (error) {
      endTurn();
      throw error;
    }
    if (context.cacheHasChanged) this.#changing.set(context, endTurn);
    else endTurn();
  }

  async afterCacheAccess(context: CacheContext): Promise<void> {
    try {
      if (context.cacheHasChanged) await this.#save(context.tokenCache);
    } finally {
      this.#changing.get(context)?.();
    }
  }

  async #load(memory: CacheInMemory): Promise<void> {
    const look = await this.#files.load(this.#key, memory.version);
    if (look.kind === "found") memory.adopt(look);
    else if (look.kind === "missing") memory.adopt({ version: "", text: "" });
    else if (look.kind === "flawed") this.#report(look.flaw);
  }

  async #save(tokenCache: TokenCache): Promise<void> {
    const memory = this.#memoryOf(tokenCache);
    const base = memory.text;
    const ours = tokenCache.serialize();
    memory.adopt(await this.#files.merge(this.#key, base, ours));
    await this.#signIns?.note(base, ours);
  }

  #memoryOf(tokenCache: TokenCache): CacheInMemory {
    let memory = this.#memories.get(tokenCache);
    if (memory === undefined) {
      memory = new CacheInMemory(tokenCache);
      this.#memories.set(tokenCache, memory);
    }
    return memory;
  }

  #report(flaw: string): void {
    if (this.#isFlawKnown) return;
    this.#isFlawKnown = true;
    process.emitWarning(
      `MSAL's token cache in azure-token-cache's folder was not taken: ${flaw}. It counts as empty, and is replaced at the next sign-in.`,
      { type: "TokenCacheWarning", code: "PERSISTENCE_FLAW" },
    );
  }
}

function keyOf({ base, cae }: CacheName): Uint8Array {
  return entryKey(["msal", base, cae ? "cae" : "nocae"]);
}
