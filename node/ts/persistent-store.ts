// persistentStore(): tokens in sealed files that all processes of this user share, in whichever language they are written.

import type { NearStore } from "../../wasm/ts/engine.ts";
import { OptionError, TokenCacheError } from "../../wasm/ts/errors.ts";
import type {
  EntryKey,
  Generation,
  StoredEntry,
  StoredFailure,
  StoredToken,
  StoreLock,
  TokenStore,
} from "../../wasm/ts/store/token-store.ts";
import { addon, nativeStore } from "./addon.ts";
import { monotonicMillis } from "./monotonic.ts";
import { checkedFlag, checkedKnown, type NativeOptions, nativeOptions, type Vault } from "./store-options.ts";

export type { Vault };

export interface PersistentStoreOptions {
  /**
   * The folder, an absolute path. Default: `AZURE_TOKEN_CACHE_DIRECTORY`, else the system's own for this user, such as
   * `~/.local/state/azure-token-cache` on Linux. Programs with the same folder and name share tokens.
   */
  directory?: string;
  /** Default: `AZURE_TOKEN_CACHE_VAULT`, else `"auto"`. */
  vault?: Vault;
  /**
   * Writes tokens unsealed where no vault takes a key. Unsafe: whoever reads the files, or a backup of them, has the tokens.
   */
  unsafeAllowUnencryptedStorage?: boolean;
  /** Which of several stores in the folder; each has a key of its own. Default: `"default"`. */
  name?: string;
}

/** The store cannot be used here, or could not do what it was asked. A cache goes on without it, and says so in an event. */
export class PersistentStoreError extends TokenCacheError {
  constructor(problem: string, message: string) {
    super(`STORE_${problem}`, message);
    this.name = "PersistentStoreError";
  }
}

/** What a look found; `flaw`: why a file that is there was not taken, said once. */
export interface PersistentEntry extends StoredEntry {
  readonly flaw?: string | undefined;
}

/**
 * A store for `withTokenCache(credential, { store: persistentStore() })`. It is opened when it is first used, with the
 * environment of now. It never blocks the event loop, and keeps a process alive only while it works.
 */
export function persistentStore(options: PersistentStoreOptions = {}): TokenStore {
  return new PersistentStore(checked(options));
}

const known = ["directory", "vault", "unsafeAllowUnencryptedStorage", "name"];
/** How long a process that ends waits for what it is still saving. */
const exitPatienceMs = 2_000;

class PersistentStore implements TokenStore {
  /** For a first look, before there is an engine. */
  readonly [nativeStore]: NearStore = {
    open: () => {
      try {
        this.#opened().open();
      } catch {
        // Whoever asks is told.
      }
    },
    load: async (key, patienceMs) => entryOf(this.#opened().loadWithin(key, patienceMs)),
  };
  readonly #options: NativeOptions;
  #native: NativeStore | undefined;

  constructor(options: NativeOptions) {
    this.#options = options;
  }

  async load(key: EntryKey): Promise<PersistentEntry> {
    return entryOf(this.#opened().load(key));
  }

  async tryLock(key: EntryKey, lane: 0 | 1 | 2): Promise<StoreLock | undefined> {
    const { lock } = given(await this.#opened().tryLock(key, lane));
    if (!lock) return undefined;
    return {
      async release() {
        given(await lock.release());
      },
    };
  }

  async save(key: EntryKey, token: StoredToken, over: Generation | undefined): Promise<boolean> {
    const { extra } = token;
    const native = { ...token, extra: extra && JSON.stringify(extra) };
    return (await this.#change((store) => store.save(key, native, over))).saved === true;
  }

  async saveFailure(key: EntryKey, failure: StoredFailure): Promise<void> {
    await this.#change((store) => store.saveFailure(key, failure));
  }

  async invalidate(beginning: EntryKey): Promise<void> {
    await this.#change((store) => store.invalidate(beginning));
  }

  async clear(): Promise<void> {
    await this.#change((store) => store.clear());
  }

  /** A process that ends before it is done waits for it: other processes rely on it. */
  async #change(work: (store: NativeStore) => Promise<NativeReply>): Promise<NativeReply> {
    const store = this.#opened();
    const done = unfinished(store);
    try {
      return given(await work(store));
    } finally {
      done();
    }
  }

  #opened(): NativeStore {
    if (this.#native === undefined) {
      const native = addon<StoreExports>()?.SealedStore;
      if (native === undefined) throw failed("NO_ADDON");
      this.#native = new native(this.#options);
    }
    return this.#native;
  }
}

async function entryOf(reply: Promise<NativeReply>): Promise<PersistentEntry> {
  const { entry } = given(await reply);
  if (entry === undefined) throw failed("ENDED");
  const { generation, token, failure, flaw } = entry;
  return {
    generation,
    ...(token && { token: storedToken(token) }),
    ...(failure && { failure }),
    ...(flaw && { flaw }),
  };
}

function storedToken({ extra, ...token }: NativeToken): StoredToken {
  return extra === undefined ? token : { ...token, extra: JSON.parse(extra) };
}

/** The stores that change something now, each as often as it does. */
const changing: NativeStore[] = [];
let isListening = false;

function unfinished(store: NativeStore): () => void {
  changing.push(store);
  if (!isListening) process.on("exit", finishAll);
  isListening = true;
  return () => changing.splice(changing.indexOf(store), 1);
}

function finishAll(): void {
  const endsAt = monotonicMillis() + exitPatienceMs;
  for (const store of new Set(changing)) store.finish(Math.max(0, endsAt - monotonicMillis()));
}

function given(reply: NativeReply): NativeReply {
  if (reply.code === undefined) return reply;
  throw failed(reply.code, reply.message);
}

function failed(code: string, message = ""): PersistentStoreError {
  const said = message.replace(/\.$/, "");
  return new PersistentStoreError(
    code,
    [said, whatToDo[code] ?? whatToDo["SYSTEM"]].filter(Boolean).join(": "),
  );
}

const whatToDo: Readonly<Record<string, string>> = {
  NO_ADDON: `azure-token-cache has no native addon for ${process.platform} on ${process.arch} here, and persistentStore needs it: ship dist/*.node with the program, or leave out the option store to keep tokens in memory`,
  NO_VAULT: "see the options vault and unsafeAllowUnencryptedStorage, or leave out the option store",
  MEMORY_ONLY: "pass as directory a folder of this user on a local disk, or leave out the option store",
  RELATIVE_DIRECTORY: "set AZURE_TOKEN_CACHE_DIRECTORY to an absolute path, or leave it out",
  FOLDER: "make it a folder that only this user can read (chmod 700), or pass another directory",
  LATER_VERSION: "update azure-token-cache, or pass another directory",
  LOCKED: "look for a stopped process that uses the same store",
  SYSTEM: "check the space and the permissions of the folder, or pass another directory",
  ENDED: "the process is ending, and its stores with it",
};

function checked(options: unknown): NativeOptions {
  const given = checkedKnown(options, known) as PersistentStoreOptions;
  return nativeOptions({
    directory: given.directory,
    vault: given.vault,
    name: given.name == null ? "default" : checkedName(given.name),
    unsafeAllowUnencrypted: checkedFlag(
      "unsafeAllowUnencryptedStorage",
      given.unsafeAllowUnencryptedStorage ?? false,
    ),
  });
}

function checkedName(name: unknown): string {
  if (typeof name !== "string" || !/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/.test(name))
    throw new OptionError(
      "name",
      "must be 1 to 64 letters, digits, dots, hyphens and underscores, and begin with no dot",
    );
  return name;
}

// What the addon exports.

interface StoreExports {
  SealedStore: new (options: NativeOptions) => NativeStore;
}

/** Each promise is resolved, with `code` where something failed. */
interface NativeStore {
  open(): void;
  load(key: Uint8Array): Promise<NativeReply>;
  loadWithin(key: Uint8Array, patienceMs: number): Promise<NativeReply>;
  tryLock(key: Uint8Array, lane: number): Promise<NativeReply>;
  save(key: Uint8Array, token: NativeToken, over: Generation | undefined): Promise<NativeReply>;
  saveFailure(key: Uint8Array, failure: StoredFailure): Promise<NativeReply>;
  invalidate(beginning: Uint8Array): Promise<NativeReply>;
  clear(): Promise<NativeReply>;
  /** Blocks until the changes that were asked for are made, at most so long, and ends the store. */
  finish(patienceMs: number): void;
}

interface NativeReply {
  readonly code?: string;
  readonly message?: string;
  readonly entry?: {
    readonly generation: Generation;
    readonly token?: NativeToken;
    readonly failure?: StoredFailure;
    readonly flaw?: string;
  };
  readonly lock?: { release(): Promise<NativeReply> };
  readonly saved?: boolean;
}

type NativeToken = Omit<StoredToken, "extra"> & {
  /** An object, as JSON. */
  readonly extra?: string | undefined;
};
