// The token endpoints of a machine with managed identities: IMDS of a virtual machine, and the one of App Service.
import type { Control, Subject } from "./control.ts";
import type { Directory, ManagedIdentity } from "./directory.ts";
import type { Call, Reply } from "./http.ts";
import type { Ledger } from "./ledger.ts";
import type { Mint } from "./mint.ts";

const imdsPath = "/metadata/identity/oauth2/token";
const appServicePath = "/msi/token";
/** What App Service's IDENTITY_HEADER must be. */
export const appServiceHeader = "stand-identity-header";

export class ManagedIdentityEndpoint {
  readonly #directory: Directory;
  readonly #control: Control;
  readonly #ledger: Ledger;
  readonly #mint: Mint;

  constructor(directory: Directory, control: Control, ledger: Ledger, mint: Mint) {
    this.#directory = directory;
    this.#control = control;
    this.#ledger = ledger;
    this.#mint = mint;
  }

  static subject(call: Call): Subject {
    const known = [imdsPath, appServicePath].includes(pathOf(call));
    return {
      path: call.path,
      grant: known ? "managed_identity" : undefined,
      resource: call.query.get("resource") ?? undefined,
      clientId: call.query.get("client_id") ?? undefined,
    };
  }

  answer(call: Call): Reply {
    const refusal = this.#refusal(call);
    if (refusal !== undefined) return refusal;
    const identity = this.#named(call.query);
    const resource = call.query.get("resource");
    if (identity === undefined || resource === null) return bad("invalid_request", "Identity not found");
    return this.#issue(identity, resource, pathOf(call) === appServicePath);
  }

  #refusal(call: Call): Reply | undefined {
    const path = pathOf(call);
    if (path === imdsPath) {
      return call.header("metadata") === "true"
        ? undefined
        : bad("invalid_request", "Required metadata header not specified");
    }
    if (path !== appServicePath) return { status: 404, body: { error: "not_found" } };
    return call.header("x-identity-header") === appServiceHeader
      ? undefined
      : { status: 401, body: { statusCode: 401, message: "Unauthorized" } };
  }

  #named(query: URLSearchParams): ManagedIdentity | undefined {
    const identities = this.#directory.managedIdentities;
    const clientId = query.get("client_id");
    if (clientId !== null) return identities.find((each) => each.clientId === clientId);
    const objectId = query.get("object_id") ?? query.get("principal_id");
    if (objectId !== null) return identities.find((each) => each.objectId === objectId);
    const resourceId = query.get("msi_res_id") ?? query.get("mi_res_id");
    if (resourceId !== null) return identities.find((each) => each.resourceId === resourceId);
    return identities[0];
  }

  #issue(identity: ManagedIdentity, resource: string, appService: boolean): Reply {
    const tenant = this.#directory.tenants.find((each) => each.id === identity.tenantId);
    if (tenant === undefined) return bad("invalid_request", "Identity not found");
    const minted = this.#mint.accessToken({
      tenant,
      principal: identity,
      clientId: identity.clientId,
      resource,
      scopes: [".default"],
      claims: undefined,
    });
    this.#ledger.ended({
      atUnixMs: Date.now(),
      grant: "managed_identity",
      tenant: tenant.id,
      resource,
      clientId: identity.clientId,
      claims: undefined,
      outcome: {
        kind: "issued",
        uti: minted.uti,
        objectId: minted.objectId,
        expiresAtUnixMs: minted.expiresAtUnixMs,
      },
    });
    return {
      status: 200,
      body: this.#body(identity, resource, minted.accessToken, minted.expiresAtUnixMs, appService),
    };
  }

  #body(
    identity: ManagedIdentity,
    resource: string,
    token: string,
    expiresAtUnixMs: number,
    appService: boolean,
  ): object {
    // Both endpoints send their times as strings of seconds.
    const expiresOn = String(expiresAtUnixMs / 1000);
    const common = {
      access_token: token,
      client_id: identity.clientId,
      expires_on: expiresOn,
      resource,
      token_type: "Bearer",
    };
    if (appService) return common;
    const lifetime = String(this.#control.token.lifetimeSeconds);
    return {
      ...common,
      expires_in: lifetime,
      ext_expires_in: lifetime,
      not_before: String(Math.floor(Date.now() / 1000) - 300),
    };
  }
}

/** MSAL for Node ends it with a slash where AZURE_POD_IDENTITY_AUTHORITY_HOST says where the machine is. */
function pathOf({ path }: Call): string {
  return path.replace(/\/$/, "");
}

function bad(error: string, description: string): Reply {
  return { status: 400, body: { error, error_description: description } };
}
