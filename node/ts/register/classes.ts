// Gives the credential classes of a copy of @azure/identity a getToken with a cache, one for each instance.
import type { AccessToken, GetTokenOptions } from "../../../wasm/ts/credential.ts";
import { forgetAtSignIn } from "../../../wasm/ts/sign-in.ts";
import { originalSymbol } from "../kinds.ts";
import { type Cached, cached, type GetToken, loadCaching, warn } from "./cache.ts";

type Caches = WeakMap<object, Cached>;

/**
 * On the abort signal with which a cache calls its credential, and which a chain hands on to its parts. AsyncLocalStorage would
 * say as much of parts that drop it, and slows every `await` of the program from then on: 1.6 times under Node 20 and 22.
 */
const runMark = Symbol.for("azure-token-cache.run");

/** `exports` are a copy's. Never throws: without a cache, too, the program goes on. */
export function cacheClasses(exports: object): void {
  try {
    for (const value of Object.values(exports))
      if (typeof value === "function" && value.prototype) cacheClass(value.prototype);
  } catch (error) {
    warn(error);
  }
}

function cacheClass(prototype: object): void {
  const property = Object.getOwnPropertyDescriptor(prototype, "getToken");
  const original: unknown = property?.value;
  if (typeof original !== "function" || originalSymbol in original) return;
  const caches: Caches = new WeakMap();
  const getToken = cachedGetToken(original as GetToken, caches);
  Object.defineProperty(getToken, originalSymbol, { value: original });
  Object.defineProperty(prototype, "getToken", { ...property, value: getToken });
  if (Object.hasOwn(prototype, "authenticate"))
    forgetAtSignIn(prototype, async (credential) => caches.get(credential)?.invalidate().catch(warn));
}

function cachedGetToken(original: GetToken, caches: Caches): GetToken {
  // A method, which nobody can call with `new`, with as many parameters as the interface has.
  const { getToken } = {
    getToken(this: object, scopes: string | string[], options?: GetTokenOptions) {
      if (!isAskable(scopes) || isOfRun(options)) return original.call(this, scopes, options);
      return caches.get(this)?.getToken(scopes, options) ?? begin(this, scopes, options);
    },
  };

  /** The first call on this credential. */
  function begin(
    credential: object,
    scopes: string | string[],
    options: GetTokenOptions | undefined,
  ): Promise<AccessToken | null> {
    if (!isObject(credential)) return original.call(credential, scopes, options);
    const cache = cached(credential, original);
    if (cache !== undefined) {
      caches.set(credential, cache);
      return cache.getToken(scopes, options);
    }
    // The caller may change its own list meanwhile.
    const asked = typeof scopes === "string" ? scopes : [...scopes];
    return loadCaching().then(() => getToken.call(credential, asked, options));
  }

  return getToken;
}

/** What is no request, the credential itself refuses in its own words. */
function isAskable(scopes: unknown): boolean {
  if (typeof scopes === "string") return scopes !== "";
  return Array.isArray(scopes) && scopes.length > 0 && scopes.every((scope) => typeof scope === "string");
}

function isOfRun(options: GetTokenOptions | undefined): boolean {
  const signal = options?.abortSignal as { [runMark]?: true } | undefined;
  return signal?.[runMark] === true;
}

function isObject(value: unknown): boolean {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}
