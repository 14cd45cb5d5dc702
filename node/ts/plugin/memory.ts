// MSAL's cache in this process's memory: brought in line with the file, one change at a time.
import type { Document } from "./files.ts";

/** MSAL's `TokenCache`, as far as it is used here. */
export interface TokenCache {
  serialize(): string;
  /** Adds what is in the text; an empty one adds nothing. */
  deserialize(text: string): void;
  /** The entries themselves. */
  getKVStore?(): Record<string, unknown>;
}

/** How long to wait for the end of a change: between its two calls MSAL waits for nothing. */
const turnPatienceMs = 2_000;

export class CacheInMemory {
  readonly #cache: TokenCache;
  #known: Document = { version: "", text: "" };
  #keys: ReadonlySet<string> = new Set();
  #lastTurn: Promise<void> | undefined;

  constructor(cache: TokenCache) {
    this.#cache = cache;
  }

  /** Which version of the file the memory is in line with. */
  get version(): string {
    return this.#known.version;
  }

  /** What that file held. */
  get text(): string {
    return this.#known.text;
  }

  /** Brings the memory in line. What it holds that never was in the file stays. */
  adopt(document: Document): void {
    if (document.text === "" && this.#known.text === "") return;
    const keys = keysOf(document.text);
    const entries = this.#cache.getKVStore?.();
    // `deserialize` removes nothing: an account that another process signed out would stay, and come back with the next change.
    for (const key of this.#keys) if (entries && !keys.has(key)) delete entries[key];
    this.#cache.deserialize(document.text || "{}");
    this.#known = document;
    this.#keys = keys;
  }

  /**
   * MSAL empties its memory before a silent request, and waits then for the plugin: whoever else looks meanwhile must find
   * what was there, and whoever writes must not write an empty cache.
   */
  restoreIfCleared(): void {
    const entries = this.#cache.getKVStore?.();
    if (entries === undefined || this.#keys.size === 0) return;
    for (const key of this.#keys) if (key in entries) return;
    this.#cache.deserialize(this.#known.text);
  }

  /** Waits until the change before is over. What it answers ends this turn. */
  async turn(): Promise<() => void> {
    const before = this.#lastTurn;
    const { promise, resolve } = withResolver();
    this.#lastTurn = promise;
    if (before !== undefined) await atMost(before, turnPatienceMs);
    return () => {
      if (this.#lastTurn === promise) this.#lastTurn = undefined;
      resolve();
    };
  }
}

/** Of all sections; the addon answers with objects of objects. */
function keysOf(text: string): ReadonlySet<string> {
  const sections: unknown[] = Object.values(text === "" ? {} : JSON.parse(text));
  return new Set(sections.flatMap((section) => Object.keys(Object(section))));
}

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((resolveIt) => {
    resolve = resolveIt;
  });
  return { promise, resolve };
}

async function atMost(promise: Promise<void>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
