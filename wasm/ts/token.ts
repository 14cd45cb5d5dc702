// What the cache hands out, and what it reads out of a token.
import type { AccessToken } from "./credential.ts";

/** One frozen copy for all callers, with whatever else the credential returned beside the token; of no object, itself. */
export function frozenCopy(given: AccessToken | null | undefined): AccessToken | null | undefined {
  if (typeof given !== "object" || given === null) return given;
  // Named, because a class instance may have them on its prototype.
  const { token, expiresOnTimestamp, refreshAfterTimestamp, tokenType } = given;
  // Assigned, not spread: of a spread object that is frozen, Node 20 makes a hidden class for each.
  const copy: AccessToken = Object.assign({ token, expiresOnTimestamp }, given, {
    token,
    expiresOnTimestamp,
  });
  if (refreshAfterTimestamp !== undefined) copy.refreshAfterTimestamp = refreshAfterTimestamp;
  if (tokenType !== undefined) copy.tokenType = tokenType;
  return Object.freeze(copy);
}

/** When a token says that it was issued (`iat`), in Unix milliseconds; NaN where it is no readable JWT. */
export function issuedAt(token: string): number {
  try {
    const payload = token.split(".")[1] ?? "";
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    const issued = (claims as { iat?: unknown } | null)?.iat;
    return typeof issued === "number" ? issued * 1000 : Number.NaN;
  } catch {
    return Number.NaN;
  }
}
