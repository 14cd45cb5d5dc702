// What the tests of the store on Redis share: a key, an entry, a token.
import { setTimeout as pause } from "node:timers/promises";
import { entryKey, type StoredToken, type TokenStore } from "azure-token-cache";
import { fakeNameOf, fakeToken } from "../../leaks/search.mjs";

/** Of nobody's secrets. */
export const key = new Uint8Array(32).fill(7);

/** Longer than a loaded machine takes. Tests of what takes too long have their own. */
export const patienceMs = 5_000;

export const entry = entryKey(["test", "entry"]);

export function tokenOf(name: string, change: Partial<StoredToken> = {}): StoredToken {
  const now = Date.now();
  return {
    token: fakeToken(name),
    expiresAt: now + 3_600_000,
    acquiredAt: now,
    login: { account: "a", session: "s" },
    ...change,
  };
}

/** The name that `tokenOf` was given of the token that is kept. */
export async function tokenIn(store: TokenStore, at = entry): Promise<string | undefined> {
  return fakeNameOf((await store.load(at)).token?.token);
}

/** Looks again and again. What takes so long will not happen. */
export async function until(isSo: () => unknown): Promise<void> {
  const last = performance.now() + 120_000;
  while (!(await isSo())) {
    if (performance.now() > last) throw new Error(`it did not happen: ${isSo}`);
    await pause(10);
  }
}
