// The addon's documents, with errors that say what to do.
import { TokenCacheError } from "../../../wasm/ts/errors.ts";
import { addon } from "../addon.ts";
import { type NativeOptions, nativeOptions } from "../store-options.ts";

/** MSAL's cache cannot be kept here, or what happened to it could not be written down. */
export class CachePersistenceError extends TokenCacheError {
  constructor(problem: string, message: string) {
    super(`PERSISTENCE_${problem}`, message);
    this.name = "CachePersistenceError";
  }
}

/** What a look found. */
export type Look =
  | { readonly kind: "missing" }
  | { readonly kind: "unchanged" }
  | ({ readonly kind: "found" } & Document)
  /** A file that is there was not taken; it goes with the next change. */
  | { readonly kind: "flawed"; readonly flaw: string };

export interface Document {
  /** Changes with every change. */
  readonly version: string;
  /** A JSON object. */
  readonly text: string;
}

/** Documents in sealed files; opened by whoever first uses them. */
export class SealedFiles {
  readonly #options: () => NativeOptions;
  #native: NativeDocuments | undefined;

  constructor(options: { directory?: unknown; vault?: unknown; unsafeAllowUnencrypted?: boolean }) {
    const { directory, vault, unsafeAllowUnencrypted = false } = options;
    this.#options = () => nativeOptions({ directory, vault, name: "default", unsafeAllowUnencrypted });
    // For its checks. What the environment says counts when the files are opened.
    this.#options();
  }

  /** Fails where they cannot be used. */
  async open(): Promise<void> {
    given(await this.#opened().open());
  }

  async load(key: Uint8Array, known: string): Promise<Look> {
    const { version, text, unchanged, flaw } = given(await this.#opened().load(key, known));
    if (version !== undefined && text !== undefined) return { kind: "found", version, text };
    if (flaw !== undefined) return { kind: "flawed", flaw };
    return { kind: unchanged ? "unchanged" : "missing" };
  }

  /** Makes one of what is there and of `ours`, which was made of `base`. What is there now. */
  async merge(key: Uint8Array, base: string, ours: string): Promise<Document> {
    const { version = "", text = "" } = given(await this.#opened().merge(key, base, ours));
    return { version, text };
  }

  async remove(key: Uint8Array): Promise<void> {
    given(await this.#opened().remove(key));
  }

  #opened(): NativeDocuments {
    if (this.#native === undefined) {
      const native = addon<DocumentExports>()?.SealedDocuments;
      if (native === undefined) throw failed("NO_ADDON");
      this.#native = new native(this.#options());
    }
    return this.#native;
  }
}

function given(reply: NativeReply): NativeReply {
  if (reply.code === undefined) return reply;
  throw failed(reply.code, reply.message);
}

function failed(code: string, message = ""): CachePersistenceError {
  const said = message.replace(/\.$/, "");
  const advice = whatToDo[code] ?? whatToDo["SYSTEM"];
  return new CachePersistenceError(code, [said, advice].filter(Boolean).join(": "));
}

const whatToDo: Readonly<Record<string, string>> = {
  NO_ADDON: `azure-token-cache has no native addon for ${process.platform} on ${process.arch} here, and its plugin needs it: ship dist/*.node with the program, or leave out tokenCachePersistenceOptions`,
  NO_VAULT:
    "see the option vault of cachePersistence, or unsafeAllowUnencryptedStorage of tokenCachePersistenceOptions, or leave the latter out",
  MEMORY_ONLY:
    "pass as directory a folder of this user on a local disk, or leave out tokenCachePersistenceOptions",
  RELATIVE_DIRECTORY: "set AZURE_TOKEN_CACHE_DIRECTORY to an absolute path, or leave it out",
  FOLDER: "make it a folder that only this user can read (chmod 700), or pass another directory",
  OUT_OF_REACH: "see the option vault of cachePersistence",
  LATER_VERSION: "update azure-token-cache, or pass another directory",
  LOCKED: "look for a stopped process that uses the same cache",
  SYSTEM: "check the space and the permissions of the folder, or pass another directory",
  ENDED: "the process is ending",
};

// What the addon exports.

interface DocumentExports {
  SealedDocuments: new (options: NativeOptions) => NativeDocuments;
}

/** Each promise is resolved, with `code` where something failed. */
interface NativeDocuments {
  open(): Promise<NativeReply>;
  load(key: Uint8Array, known: string): Promise<NativeReply>;
  merge(key: Uint8Array, base: string, ours: string): Promise<NativeReply>;
  remove(key: Uint8Array): Promise<NativeReply>;
}

interface NativeReply {
  readonly code?: string;
  readonly message?: string;
  readonly version?: string;
  readonly text?: string;
  readonly unchanged?: boolean;
  readonly flaw?: string;
}
