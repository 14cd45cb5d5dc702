// Tells the two caches of a credential apart, of which `@azure/identity` does not always say which it asks for.

/** What `@azure/identity` calls the cache of a credential that names none. */
export const defaultName = "msal.cache";

export interface CacheName {
  /** What the credential calls both of its caches. */
  readonly base: string;
  /** Whether it is for tokens of clients that handle claims challenges. */
  readonly cae: boolean;
}

const unnamed: Readonly<Record<string, CacheName>> = {
  [`${defaultName}.cae`]: { base: defaultName, cae: true },
  [`${defaultName}.nocae`]: { base: defaultName, cae: false },
};

/**
 * A function that is given, call by call, what `@azure/identity` asks for. Its two calls for one credential follow each other
 * without a break, first without and then with CAE, and an own name of the credential stands in both.
 */
export function cacheNamer(): (given: string | undefined) => CacheName {
  let isSecond = false;
  return (given) => {
    const known = unnamed[given ?? ""];
    if (known !== undefined) return known;
    const cae = isSecond;
    isSecond = !isSecond;
    // A call that is followed by no second one must not turn those of the next credential round.
    if (isSecond) queueMicrotask(() => (isSecond = false));
    return { base: given || defaultName, cae };
  };
}
