// After a sign-in another person's tokens are wanted: what is kept of the one before goes.

type Method = (this: object, ...given: unknown[]) => Promise<unknown>;

/**
 * Puts a method in the place of `authenticate`, on a credential or on a class's prototype: it does the same, and then calls `forget`
 * with the credential. Who signed in is the credential's own affair, and is not always in what it returns. Where there is no such
 * method, or none that can be replaced, nothing happens.
 */
export function forgetAtSignIn(target: object, forget: (credential: object) => Promise<unknown>): void {
  const original: unknown = (target as { authenticate?: unknown }).authenticate;
  if (typeof original !== "function") return;
  const { authenticate } = {
    async authenticate(this: object, ...given: unknown[]) {
      try {
        return await (original as Method).apply(this, given);
      } finally {
        // Whoever signed in has signed in, whatever becomes of the tokens.
        await forget(this).catch(() => {});
      }
    },
  };
  for (const key of ["name", "length"] as const)
    Object.defineProperty(authenticate, key, { value: original[key], configurable: true });
  Reflect.defineProperty(target, "authenticate", { value: authenticate, writable: true, configurable: true });
}
