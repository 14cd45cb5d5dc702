// Between a credential's token and the one that a store keeps.
import type { AccessToken } from "../credential.ts";
import type { StoredLogin, StoredToken } from "./token-store.ts";

/** What is known of a token beside itself. */
export interface About {
  readonly acquiredAt: number;
  readonly login: StoredLogin;
  readonly account: string | undefined;
  readonly tenantId: string | undefined;
}

/** The token as a store keeps it. Of fields that JSON cannot say, none are kept. */
export function storedTokenOf(
  given: AccessToken,
  { acquiredAt, login, account, tenantId }: About,
): StoredToken {
  const { token, expiresOnTimestamp, refreshAfterTimestamp, tokenType, ...others } = given;
  const extra = inJson(others);
  return {
    token,
    expiresAt: expiresOnTimestamp,
    acquiredAt,
    login,
    // A credential may be anybody's, and bring anything.
    ...(Number.isFinite(refreshAfterTimestamp) && { refreshAt: refreshAfterTimestamp }),
    ...(typeof tokenType === "string" && { tokenType }),
    ...(account !== undefined && { account }),
    ...(tenantId !== undefined && { tenantId }),
    ...(extra !== undefined && { extra }),
  };
}

/** The token as a credential would have returned it. */
export function accessTokenOf({ token, expiresAt, refreshAt, tokenType, extra }: StoredToken): AccessToken {
  return Object.freeze({
    ...extra,
    token,
    expiresOnTimestamp: expiresAt,
    ...(refreshAt !== undefined && { refreshAfterTimestamp: refreshAt }),
    ...(tokenType !== undefined && { tokenType: tokenType as NonNullable<AccessToken["tokenType"]> }),
  });
}

function inJson(fields: object): Record<string, unknown> | undefined {
  try {
    const copy = JSON.parse(JSON.stringify(fields)) as Record<string, unknown>;
    return Object.keys(copy).length > 0 ? copy : undefined;
  } catch {
    return undefined;
  }
}
