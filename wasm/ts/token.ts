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
  const issued = claimsOf(token)?.["iat"];
  return typeof issued === "number" ? issued * 1000 : Number.NaN;
}

/** Whose a token says that it is: the tenant, the user or service principal, and the client; empty where it does not say. */
export type OwnerClaims = readonly [tenant: string, object: string, client: string];

/** `undefined` where it is no readable JWT. Nothing here is verified: it can be a reason to refuse a token, and no other. */
export function ownerClaimsOf(token: string): OwnerClaims | undefined {
  const claims = claimsOf(token);
  if (claims === undefined) return undefined;
  const text = (name: string) => (typeof claims[name] === "string" ? claims[name] : "");
  return [text("tid"), text("oid"), text("appid") || text("azp")];
}

function claimsOf(token: string): Record<string, unknown> | undefined {
  try {
    const payload = token.split(".")[1] ?? "";
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    return Object(claims) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
