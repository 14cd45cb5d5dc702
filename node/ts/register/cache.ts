// The caches of a registered program: in memory, or with the store; loaded when it first asks for a token.
import type { AccessToken, GetTokenOptions, TokenCredential } from "../../../wasm/ts/credential.ts";
import type { CacheEvent } from "../../../wasm/ts/events.ts";
import { subjectSymbol } from "../kinds.ts";

/** A credential's own method. */
export type GetToken = (
  this: object,
  scopes: string | string[],
  options?: GetTokenOptions,
) => Promise<AccessToken | null>;

/** What answers instead of it. */
export interface Cached extends TokenCredential {
  invalidate(): Promise<void>;
}

type Wrap = (credential: Uncached) => Cached;

let wrap: Wrap | undefined;
let loading: Promise<void> | undefined;

/** Never rejects: what cannot be loaded is done without. */
export function loadCaching(): Promise<void> {
  loading ??= chosenCaching()
    .catch((error): Wrap => {
      warn(error);
      return (credential) => credential;
    })
    .then((chosen) => {
      wrap = chosen;
    });
  return loading;
}

/** The cache of a credential whose own method is `getToken`; `undefined` until it is loaded. Never throws. */
export function cached(credential: object, getToken: GetToken): Cached | undefined {
  if (wrap === undefined) return undefined;
  const uncached = new Uncached(credential, getToken);
  try {
    return wrap(uncached);
  } catch (error) {
    warn(error);
    return uncached;
  }
}

/** Tells the user what the program does without, once. */
export function warn(error: unknown): void {
  const message = `azure-token-cache: ${error instanceof Error ? error.message : String(error)}`;
  if (warnings.has(message)) return;
  warnings.add(message);
  process.emitWarning(message);
}

const warnings = new Set<string>();

/** Stands for a credential, with the method that it had. */
class Uncached implements Cached {
  readonly #credential: object;
  readonly #getToken: GetToken;

  constructor(credential: object, getToken: GetToken) {
    this.#credential = credential;
    this.#getToken = getToken;
  }

  get [subjectSymbol](): object {
    return this.#credential;
  }

  getToken(scopes: string | string[], options?: GetTokenOptions): Promise<AccessToken | null> {
    return this.#getToken.call(this.#credential, scopes, options);
  }

  async invalidate(): Promise<void> {}
}

async function chosenCaching(): Promise<Wrap> {
  const { withTokenCache } = await import("../index.ts");
  const choice = process.env["AZURE_TOKEN_CACHE"]?.trim();
  if (!choice) return (credential) => withTokenCache(credential);
  if (choice.toLowerCase() !== "persistent") {
    warn(`AZURE_TOKEN_CACHE=${choice} is neither "persistent" nor "off"; tokens are kept in memory`);
    return (credential) => withTokenCache(credential);
  }
  const { persistentStore } = await import("../node.ts");
  const store = persistentStore();
  return (credential) => {
    try {
      return withTokenCache(credential, { store, onEvent: tellOfStore });
    } catch (error) {
      // Nobody can say whose tokens it gets, so that they stay in memory.
      if ((error as { option?: unknown }).option === "partition") return withTokenCache(credential);
      throw error;
    }
  };
}

function tellOfStore(event: CacheEvent): void {
  // A lock that could not be let go is let go by the end of the process.
  if (event.type !== "store-failed" || event.operation === "unlock") return;
  const { errorName, errorCode } = event;
  const advice = (errorCode && whatToDo[errorCode]) ?? "";
  warn(`the store cannot be used (${errorCode ?? errorName}); tokens are kept in memory${advice}`);
}

const whatToDo: Readonly<Record<string, string>> = {
  STORE_NO_ADDON: `: azure-token-cache has no native addon for ${process.platform} on ${process.arch} here`,
  STORE_NO_VAULT:
    ": no vault takes its key, set AZURE_TOKEN_CACHE_VAULT, or XDG_RUNTIME_DIR to a private folder in memory",
  STORE_MEMORY_ONLY: ": set AZURE_TOKEN_CACHE_DIRECTORY to a folder of this user on a local disk",
  STORE_RELATIVE_DIRECTORY: ": AZURE_TOKEN_CACHE_DIRECTORY must be an absolute path",
  STORE_FOLDER: ": others may read or write its folder, which is for this user alone (chmod 700)",
};
