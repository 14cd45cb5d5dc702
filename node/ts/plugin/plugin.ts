// The entry point azure-token-cache/plugin: for useIdentityPlugin, MSAL's cache in sealed files, without a native library to install.
import { OptionError } from "../../../wasm/ts/errors.ts";
import { checkedFlag, checkedKnown, type Vault } from "../store-options.ts";
import { type CachePlugin, PersistentCache, withoutCache } from "./cache.ts";
import { CachePersistenceError, SealedFiles } from "./files.ts";
import { cacheNamer, defaultName } from "./names.ts";
import { type AuthenticationRecord, SignIns } from "./sign-ins.ts";

export { type AuthenticationRecord, CachePersistenceError, type Vault };

export interface CachePersistenceOptions {
  /**
   * The folder, an absolute path. Default: `AZURE_TOKEN_CACHE_DIRECTORY`, else the system's own for this user, such as
   * `~/.local/state/azure-token-cache` on Linux: the same as `persistentStore`'s.
   */
  directory?: string;
  /** Default: `AZURE_TOKEN_CACHE_VAULT`, else `"auto"`: in the first of this system's that works. */
  vault?: Vault;
  /**
   * Keeps who signed in last, for `authenticationRecord()`, so that the next process signs in silently. For programs that one
   * person signs in to. Default: false.
   */
  keepAuthenticationRecord?: boolean;
}

/** Which cache: what was passed as `tokenCachePersistenceOptions`. */
export interface CacheChoice {
  /** Default: the one of credentials without a name. */
  name?: string;
  /** As the credential has it. */
  unsafeAllowUnencryptedStorage?: boolean;
}

export interface SignInChoice extends CacheChoice {
  /** Default: whichever application was signed in to last. */
  clientId?: string;
}

/** For `useIdentityPlugin`. */
export interface CachePersistence {
  (context: unknown): void;
  /**
   * Who signed in last with a `DeviceCodeCredential` or an `InteractiveBrowserCredential` that has this cache: pass it as the
   * option of the same name. `undefined` before anyone did, and where no file can be had. Needs `keepAuthenticationRecord`.
   */
  authenticationRecord(which?: SignInChoice): Promise<AuthenticationRecord | undefined>;
  /** Deletes a cache, and who signed in with it. */
  clear(which?: CacheChoice): Promise<void>;
}

/** The plugin, with options. It asks neither file nor vault before a credential that uses it is asked for a token. */
export function cachePersistence(options: CachePersistenceOptions = {}): CachePersistence {
  const { directory, vault, keepAuthenticationRecord } = checkedKnown(
    options,
    known,
  ) as CachePersistenceOptions;
  const keep = checkedFlag("keepAuthenticationRecord", keepAuthenticationRecord ?? false);
  const sealed = new SealedFiles({ directory, vault });
  const unsealed = new SealedFiles({ directory, vault, unsafeAllowUnencrypted: true });
  const filesOf = (which: CacheChoice) => (which.unsafeAllowUnencryptedStorage === true ? unsealed : sealed);

  function plugin(context: unknown): void {
    const name = cacheNamer();
    controlOf(context).setPersistence((choice: CacheChoice = {}) => {
      const files = filesOf(choice);
      const named = name(choice.name);
      const signIns = keep ? new SignIns(files, named.base) : undefined;
      return whenAwaited(async () => {
        if (isOff()) return withoutCache;
        await files.open();
        return new PersistentCache(files, named, signIns);
      });
    });
  }

  return Object.assign(plugin, {
    async authenticationRecord(which: SignInChoice = {}): Promise<AuthenticationRecord | undefined> {
      if (!keep)
        throw new OptionError(
          "keepAuthenticationRecord",
          "must be true for authenticationRecord(): cachePersistence({ keepAuthenticationRecord: true })",
        );
      if (isOff()) return undefined;
      return new SignIns(filesOf(which), which.name || defaultName).last(which.clientId).catch(ifNoFiles);
    },

    async clear(which: CacheChoice = {}): Promise<void> {
      const [files, name] = [filesOf(which), which.name || defaultName];
      await PersistentCache.remove(files, name);
      await new SignIns(files, name).remove();
    },
  });
}

/** The plugin as it is without options; named as that of `@azure/identity-cache-persistence`, whose place it takes. */
export const cachePersistencePlugin: CachePersistence = cachePersistence();

const known = ["directory", "vault", "keepAuthenticationRecord"];

interface PersistenceControl {
  setPersistence(provider: (choice?: CacheChoice) => Promise<CachePlugin>): void;
}

function controlOf(context: unknown): PersistenceControl {
  const { cachePluginControl } = (context ?? {}) as { cachePluginControl?: Partial<PersistenceControl> };
  if (typeof cachePluginControl?.setPersistence !== "function")
    throw new OptionError(
      "context",
      "is what useIdentityPlugin passes: useIdentityPlugin(cachePersistencePlugin)",
    );
  return cachePluginControl as PersistenceControl;
}

/**
 * What `make` makes, made when it is first awaited and again after a failure. A promise would fail while nobody listens: a
 * credential makes two, and most programs await one.
 */
function whenAwaited<T>(make: () => Promise<T>): Promise<T> {
  let made: Promise<T> | undefined;
  const promise = (): Promise<T> => {
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
  return {
    // biome-ignore lint/suspicious/noThenProperty: it is awaited in a promise's place
    then: (onMade, onFailed) => promise().then(onMade, onFailed),
    catch: (onFailed) => promise().catch(onFailed),
    finally: (onSettled) => promise().finally(onSettled),
    [Symbol.toStringTag]: "Promise",
  };
}

/** What is wrong the credential says as soon as it is used; a program that has not begun yet need not end of it. */
function ifNoFiles(error: unknown): undefined {
  if (!(error instanceof CachePersistenceError)) throw error;
}

function isOff(): boolean {
  return process.env["AZURE_TOKEN_CACHE"]?.trim().toLowerCase() === "off";
}
