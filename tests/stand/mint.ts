// Makes access tokens and ID tokens with the claims that Entra ID puts in them, and remembers by `uti` what each was asked for.
import { createHash, randomBytes } from "node:crypto";
import type { Control } from "./control.ts";
import { objectIdIn, type Principal, type Tenant, type User } from "./directory.ts";
import type { Signer } from "./signing.ts";

export interface Order {
  readonly tenant: Tenant;
  readonly principal: Principal;
  readonly clientId: string;
  /** Becomes `aud` as it is, trailing slash included. */
  readonly resource: string;
  readonly scopes: readonly string[];
  /** The OAuth `claims` parameter, or what an earlier sign-in of the session met. */
  readonly claims: string | undefined;
}

export interface Minted {
  readonly accessToken: string;
  readonly uti: string;
  readonly objectId: string;
  readonly expiresInSeconds: number;
  readonly expiresAtUnixMs: number;
}

/** Entra dates `iat` and `nbf` five minutes back, for resource servers whose clocks are slow. */
const backdatedSeconds = 300;

export class Mint {
  readonly #signer: Signer;
  readonly #control: Control;
  readonly #url: () => string;
  readonly #claimsAsked = new Map<string, string | undefined>();

  constructor(signer: Signer, control: Control, url: () => string) {
    this.#signer = signer;
    this.#control = control;
    this.#url = url;
  }

  accessToken(order: Order): Minted {
    const { tenant, principal, clientId, resource } = order;
    const now = Math.floor(Date.now() / 1000);
    const expiresInSeconds = this.#control.token.lifetimeSeconds;
    const objectId = objectIdIn(principal, tenant.id) ?? principal.objectId;
    const uti = randomBytes(16).toString("base64url");
    const accessToken = this.#signer.sign({
      aud: resource,
      iss: `https://sts.windows.net/${tenant.id}/`,
      iat: now - backdatedSeconds,
      nbf: now - backdatedSeconds,
      exp: now + expiresInSeconds,
      appid: clientId,
      appidacr: principal.kind === "user" ? "0" : principal.kind === "servicePrincipal" ? "1" : "2",
      idp: `https://sts.windows.net/${principal.tenantId}/`,
      oid: objectId,
      sub: subject(objectId, clientId),
      tid: tenant.id,
      uti,
      ver: "1.0",
      ...holder(principal, order.scopes),
      ...(capable(order.claims) ? { xms_cc: ["CP1"] } : {}),
      ...this.#control.token.claims,
    });
    this.#claimsAsked.set(uti, order.claims);
    return { accessToken, uti, objectId, expiresInSeconds, expiresAtUnixMs: (now + expiresInSeconds) * 1000 };
  }

  idToken(tenant: Tenant, user: User, clientId: string, nonce: string | undefined): string {
    const now = Math.floor(Date.now() / 1000);
    return this.#signer.sign({
      aud: clientId,
      iss: `${this.#url()}/${tenant.id}/v2.0`,
      iat: now - backdatedSeconds,
      nbf: now - backdatedSeconds,
      exp: now + 3600,
      name: user.name,
      oid: objectIdIn(user, tenant.id),
      preferred_username: user.principalName,
      sub: subject(user.objectId, clientId),
      tid: tenant.id,
      uti: randomBytes(16).toString("base64url"),
      ver: "2.0",
      ...(nonce === undefined ? {} : { nonce }),
    });
  }

  /** Whether the token with this `uti` was asked for with every claim of the challenge. */
  meets(uti: string, challenge: string): boolean {
    const asked = accessTokenClaims(this.#claimsAsked.get(uti));
    return Object.entries(accessTokenClaims(challenge)).every(
      ([name, value]) => JSON.stringify(asked[name]) === JSON.stringify(value),
    );
  }
}

function holder(principal: Principal, scopes: readonly string[]): Record<string, unknown> {
  if (principal.kind === "servicePrincipal") return { idtyp: "app" };
  if (principal.kind === "managedIdentity") return { idtyp: "app", xms_mirid: principal.resourceId };
  const named = scopes.filter((scope) => scope !== ".default").join(" ");
  return {
    idtyp: "user",
    name: principal.name,
    scp: named === "" ? "user_impersonation" : named,
    unique_name: principal.principalName,
    upn: principal.principalName,
  };
}

/** The pairwise subject: stable for one principal in one application. */
function subject(objectId: string, clientId: string): string {
  return createHash("sha256").update(`${objectId}/${clientId}`).digest("base64url");
}

function capable(claims: string | undefined): boolean {
  return JSON.stringify(accessTokenClaims(claims)["xms_cc"] ?? null)
    .toLowerCase()
    .includes("cp1");
}

function accessTokenClaims(claims: string | undefined): Record<string, unknown> {
  if (claims === undefined) return {};
  try {
    const parsed = JSON.parse(claims) as { access_token?: Record<string, unknown> };
    return parsed.access_token ?? {};
  } catch {
    return {};
  }
}
