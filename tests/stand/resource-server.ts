// The stand's protected resources: the part of Azure Resource Manager that az's login reads, and `/api/...`, which answers with who called.
import type { Control } from "./control.ts";
import type { Directory } from "./directory.ts";
import type { Call, Reply } from "./http.ts";
import type { Mint } from "./mint.ts";
import type { Claims, Signer } from "./signing.ts";

export class ResourceServer {
  readonly #directory: Directory;
  readonly #signer: Signer;
  readonly #mint: Mint;
  readonly #control: Control;

  constructor(directory: Directory, signer: Signer, mint: Mint, control: Control) {
    this.#directory = directory;
    this.#signer = signer;
    this.#mint = mint;
    this.#control = control;
  }

  /** The reply, or undefined for a path that is not served here. */
  answer(call: Call): Reply | undefined {
    const serve = this.#route(call.path);
    if (serve === undefined) return undefined;
    const token = /^Bearer (.+)$/.exec(call.header("authorization") ?? "")?.[1];
    const claims = token === undefined ? undefined : this.#signer.read(token);
    if (claims === undefined) return unauthorized('error="invalid_token"');
    const challenge = this.#control.challenge;
    if (challenge !== undefined && !this.#mint.meets(String(claims["uti"]), challenge)) {
      const encoded = Buffer.from(challenge).toString("base64");
      return unauthorized(`error="insufficient_claims", claims="${encoded}"`);
    }
    return { status: 200, body: serve(claims) };
  }

  #route(path: string): ((caller: Claims) => object) | undefined {
    if (path === "/tenants") return (caller) => ({ value: this.#tenants(caller) });
    if (path === "/subscriptions") return (caller) => ({ value: this.#subscriptions(caller) });
    if (path.startsWith("/subscriptions/")) {
      const id = path.split("/")[2];
      return (caller) => this.#subscriptions(caller).find((each) => each.subscriptionId === id) ?? {};
    }
    if (path === "/api" || path.startsWith("/api/")) return describe;
    return undefined;
  }

  #tenants(caller: Claims): object[] {
    const user = this.#directory.users.find((each) => each.principalName === caller["upn"]);
    const ids = [caller["tid"], user?.tenantId, ...(user?.guestOf.map((guest) => guest.tenantId) ?? [])];
    return this.#directory.tenants
      .filter((tenant) => ids.includes(tenant.id))
      .map((tenant) => ({
        id: `/tenants/${tenant.id}`,
        tenantId: tenant.id,
        displayName: tenant.name,
        defaultDomain: tenant.domain,
        domains: [tenant.domain],
        tenantCategory: "Home",
        countryCode: "DE",
      }));
  }

  #subscriptions(caller: Claims) {
    return this.#directory.subscriptions
      .filter((each) => each.tenantId === caller["tid"])
      .map((each) => ({
        id: `/subscriptions/${each.id}`,
        subscriptionId: each.id,
        tenantId: each.tenantId,
        displayName: each.name,
        state: "Enabled",
        authorizationSource: "RoleBased",
        managedByTenants: [],
        subscriptionPolicies: {
          locationPlacementId: "Public_2014-09-01",
          quotaId: "EnterpriseAgreement_2014-09-01",
          spendingLimit: "Off",
        },
      }));
  }
}

function describe(caller: Claims): object {
  return {
    objectId: caller["oid"],
    tenantId: caller["tid"],
    name: caller["upn"] ?? caller["appid"],
    audience: caller["aud"],
    uti: caller["uti"],
  };
}

function unauthorized(reason: string): Reply {
  const authority = 'authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"';
  return {
    status: 401,
    headers: { "www-authenticate": `Bearer realm="", ${authority}, ${reason}` },
    body: {
      error: {
        code: "InvalidAuthenticationToken",
        message: "The access token is missing, invalid or insufficient.",
      },
    },
  };
}
