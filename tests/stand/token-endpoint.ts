// The OAuth half of the stand-in: the token endpoint with its six grants, device codes and the sign-in page.
import { createHash, randomBytes } from "node:crypto";
import { fakeToken } from "../leaks/search.mjs";
import type { Control, Subject } from "./control.ts";
import {
  type Directory,
  objectIdIn,
  type Principal,
  principalWith,
  type ServicePrincipal,
  type Tenant,
  tenantNamed,
  type User,
} from "./directory.ts";
import type { Call, Reply } from "./http.ts";
import type { Grant, Ledger } from "./ledger.ts";
import type { Mint } from "./mint.ts";
import { type Refusal, refusalReply, refusals } from "./refusal.ts";
import { encode, type Signer } from "./signing.ts";

interface Parts {
  readonly directory: Directory;
  readonly control: Control;
  readonly ledger: Ledger;
  readonly mint: Mint;
  readonly signer: Signer;
  readonly url: () => string;
}

/** Who may have a token, and what comes beside it. */
interface Approval {
  readonly principal: Principal;
  readonly session?: Session;
  readonly nonce?: string;
  /** What the first leg of the sign-in asked for; MSAL for Python does not repeat it at the token endpoint. */
  readonly scope?: string;
}

type Ruling = Approval | { readonly refusal: Refusal };

/** What a refresh token stands for. */
interface Session {
  readonly user: User;
  readonly startedAtUnixMs: number;
  /** The claims challenge that the sign-in met; every token of the session meets it. */
  readonly claims: string | undefined;
}

interface Pending {
  readonly scope: string;
  readonly expiresAtUnixMs: number;
  readonly claims: string | undefined;
  approvedBy: User | undefined;
  redeemed: boolean;
}

interface AuthorizationCode {
  readonly scope: string;
  readonly user: User;
  readonly challenge: string | undefined;
  readonly nonce: string | undefined;
  readonly claims: string | undefined;
}

const grants: Readonly<Record<string, Grant>> = {
  client_credentials: "client_credentials",
  refresh_token: "refresh_token",
  authorization_code: "authorization_code",
  password: "password",
  device_code: "device_code",
  "urn:ietf:params:oauth:grant-type:device_code": "device_code",
  "urn:ietf:params:oauth:grant-type:jwt-bearer": "on_behalf_of",
};

export class TokenEndpoint {
  readonly #parts: Parts;
  readonly #sessions = new Map<string, Session>();
  readonly #devices = new Map<string, Pending>();
  readonly #codes = new Map<string, AuthorizationCode>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** What a call to the token endpoint asks for, before anything is checked. */
  static subject(call: Call): Subject & { readonly grant: Grant } {
    return {
      path: call.path,
      grant: grants[call.form.get("grant_type") ?? ""] ?? "unknown",
      resource: target(call.form, "").resource,
      clientId: call.form.get("client_id") ?? undefined,
    };
  }

  token(call: Call, tenantName: string): Reply {
    const { grant } = TokenEndpoint.subject(call);
    const ruling = this.#rule(call, tenantName, grant);
    if ("refusal" in ruling) return this.#refuse(call, tenantName, grant, ruling.refusal);
    const { principal } = ruling;
    const tenant = tenantNamed(this.#parts.directory, tenantName, principal.tenantId);
    if (tenant === undefined)
      return this.#refuse(call, tenantName, grant, refusals.tenantNotFound(tenantName));
    if (objectIdIn(principal, tenant.id) === undefined) {
      return this.#refuse(call, tenantName, grant, refusals.strangerInTenant(nameOf(principal), tenant.id));
    }
    return this.#issue(call, tenant, grant, ruling);
  }

  /** Writes a request that was refused, by a rule or by a fault, into the ledger and answers it. */
  #refuse(call: Call, tenant: string, grant: Grant, refusal: Refusal): Reply {
    this.noteRefused(call, tenant, grant, refusal.status, refusal.aadsts);
    return refusalReply(refusal);
  }

  noteRefused(call: Call, tenant: string, grant: Grant, status: number, aadsts: number): void {
    this.#parts.ledger.ended({
      ...this.#request(call, tenant, grant),
      outcome: { kind: "refused", status, aadsts },
    });
  }

  #request(call: Call, tenant: string, grant: Grant, scope = "") {
    return {
      atUnixMs: Date.now(),
      grant,
      tenant,
      resource: target(call.form, scope).resource ?? "",
      clientId: clientOf(call) ?? "",
      claims: call.form.get("claims") ?? undefined,
    };
  }

  #issue(call: Call, tenant: Tenant, grant: Grant, ruling: Approval): Reply {
    const scope = call.form.get("scope") ?? ruling.scope ?? "";
    const { resource, scopes } = target(call.form, scope);
    const clientId = clientOf(call);
    if (clientId === undefined)
      return this.#refuse(call, tenant.id, grant, refusals.missingParameter("client_id"));
    if (resource === undefined) {
      return this.#refuse(call, tenant.id, grant, refusals.badScope(scope));
    }
    const claims = call.form.get("claims") ?? ruling.session?.claims;
    const minted = this.#parts.mint.accessToken({
      tenant,
      principal: ruling.principal,
      clientId,
      resource,
      scopes,
      claims,
    });
    this.#parts.ledger.ended({
      ...this.#request(call, tenant.id, grant, scope),
      outcome: {
        kind: "issued",
        uti: minted.uti,
        objectId: minted.objectId,
        expiresAtUnixMs: minted.expiresAtUnixMs,
      },
    });
    const refreshIn = this.#parts.control.token.refreshInSeconds;
    return {
      status: 200,
      body: {
        token_type: "Bearer",
        scope: scopes.map((scope) => `${resource}/${scope}`).join(" "),
        expires_in: minted.expiresInSeconds,
        ext_expires_in: minted.expiresInSeconds,
        ...(refreshIn === undefined ? {} : { refresh_in: refreshIn }),
        access_token: minted.accessToken,
        ...this.#signedIn(scope.split(" "), tenant, ruling, clientId),
      },
    };
  }

  /** What a user's sign-in gets beside the access token. */
  #signedIn(asked: readonly string[], tenant: Tenant, ruling: Approval, clientId: string): object {
    const user = ruling.principal;
    if (user.kind !== "user") return {};
    return {
      ...(asked.includes("offline_access") && ruling.session !== undefined
        ? { refresh_token: this.#open(ruling.session), foci: "1" }
        : {}),
      ...(asked.includes("openid")
        ? { id_token: this.#parts.mint.idToken(tenant, user, clientId, ruling.nonce) }
        : {}),
      client_info: encode({ uid: user.objectId, utid: user.tenantId }),
    };
  }

  #open(session: Session): string {
    const token = `1.${fakeToken(randomBytes(48).toString("base64url"))}`;
    this.#sessions.set(token, session);
    return token;
  }

  #rule(call: Call, tenantName: string, grant: Grant): Ruling {
    switch (grant) {
      case "client_credentials":
        return this.#application(call, tenantName);
      case "refresh_token":
        return this.#refresh(call);
      case "device_code":
        return this.#device(call);
      case "authorization_code":
        return this.#code(call);
      case "password":
        return this.#password(call);
      case "on_behalf_of":
        return this.#onBehalfOf(call, tenantName);
      default:
        return { refusal: refusals.unsupportedGrant(call.form.get("grant_type") ?? "") };
    }
  }

  #application(call: Call, tenantName: string): { principal: ServicePrincipal } | { refusal: Refusal } {
    const clientId = clientOf(call);
    if (clientId === undefined) return { refusal: refusals.missingParameter("client_id") };
    const tenant = tenantNamed(this.#parts.directory, tenantName);
    if (tenant === undefined) return { refusal: refusals.tenantNotFound(tenantName) };
    const application = this.#parts.directory.servicePrincipals.find(
      (each) => each.appId === clientId && each.tenantId === tenant.id,
    );
    if (application === undefined) return { refusal: refusals.applicationNotFound(clientId, tenant.name) };
    const assertion = call.form.get("client_assertion");
    if (assertion !== null) {
      return assertionIssuer(assertion) === clientId
        ? { principal: application }
        : { refusal: refusals.badAssertion() };
    }
    const secret = call.form.get("client_secret");
    if (secret === null) return { refusal: refusals.missingParameter("client_assertion' or 'client_secret") };
    return secret === application.secret
      ? { principal: application }
      : { refusal: refusals.badSecret(clientId) };
  }

  #refresh(call: Call): Ruling {
    const session = this.#sessions.get(call.form.get("refresh_token") ?? "");
    if (session === undefined) return { refusal: refusals.badToken() };
    if (this.#parts.control.isRevoked(session.user, session.startedAtUnixMs)) {
      return { refusal: refusals.sessionRevoked() };
    }
    return { principal: session.user, session };
  }

  #device(call: Call): Ruling {
    const pending = this.#devices.get(call.form.get("device_code") ?? call.form.get("code") ?? "");
    if (pending === undefined) return { refusal: refusals.badToken() };
    if (pending.redeemed) return { refusal: refusals.codeRedeemed() };
    if (Date.now() >= pending.expiresAtUnixMs) return { refusal: refusals.deviceCodeExpired() };
    const user = pending.approvedBy ?? this.#parts.control.signedIn;
    if (user === undefined) return { refusal: refusals.authorizationPending() };
    pending.redeemed = true;
    return { ...begin(user, pending.claims ?? call.form.get("claims") ?? undefined), scope: pending.scope };
  }

  #code(call: Call): Ruling {
    const key = call.form.get("code") ?? "";
    const code = this.#codes.get(key);
    if (code === undefined) return { refusal: refusals.codeRedeemed() };
    this.#codes.delete(key);
    const verifier = createHash("sha256")
      .update(call.form.get("code_verifier") ?? "")
      .digest("base64url");
    if (code.challenge !== undefined && code.challenge !== verifier)
      return { refusal: refusals.badVerifier() };
    return {
      ...begin(code.user, code.claims),
      scope: code.scope,
      ...(code.nonce === undefined ? {} : { nonce: code.nonce }),
    };
  }

  #password(call: Call): Ruling {
    const user = this.#userNamed(call.form.get("username") ?? "");
    if (user === undefined || user.password !== call.form.get("password"))
      return { refusal: refusals.badPassword() };
    return begin(user, call.form.get("claims") ?? undefined);
  }

  #onBehalfOf(call: Call, tenantName: string): Ruling {
    const application = this.#application(call, tenantName);
    if ("refusal" in application) return application;
    const objectId = this.#parts.signer.read(call.form.get("assertion") ?? "")?.["oid"];
    const user = typeof objectId === "string" ? principalWith(this.#parts.directory, objectId) : undefined;
    return user?.kind === "user" ? begin(user, undefined) : { refusal: refusals.badToken() };
  }

  #userNamed(principalName: string): User | undefined {
    return this.#parts.directory.users.find((user) => user.principalName === principalName.toLowerCase());
  }

  deviceCode(call: Call): Reply {
    const code = randomBytes(32).toString("base64url");
    const userCode = randomBytes(5).toString("hex").toUpperCase().slice(0, 9);
    const claims = call.form.get("claims") ?? undefined;
    const lifetimeSeconds = 900;
    this.#devices.set(code, {
      expiresAtUnixMs: Date.now() + lifetimeSeconds * 1000,
      scope: call.form.get("scope") ?? "",
      claims,
      approvedBy: undefined,
      redeemed: false,
    });
    const page = `${this.#parts.url()}/device`;
    return {
      status: 200,
      body: {
        user_code: userCode,
        device_code: code,
        verification_uri: page,
        expires_in: lifetimeSeconds,
        interval: 1,
        message: `To sign in, use a web browser to open the page ${page} and enter the code ${userCode} to authenticate.`,
      },
    };
  }

  /** Someone types all pending device codes and signs in. */
  approveDeviceCodes(user: User): void {
    for (const pending of this.#devices.values()) pending.approvedBy ??= user;
  }

  /** The sign-in page: whoever `control.signedIn` names clicks through at once. */
  authorize(call: Call): Reply {
    const user = this.#parts.control.signedIn;
    const redirect = call.query.get("redirect_uri");
    if (redirect === null) return refusalReply(refusals.missingParameter("redirect_uri"));
    const answer: Record<string, string> = { state: call.query.get("state") ?? "" };
    if (user === undefined) {
      answer["error"] = "access_denied";
      answer["error_description"] = "AADSTS65004: User declined to consent to access the app.";
    } else {
      answer["code"] = this.#sign(call, user);
      answer["client_info"] = encode({ uid: user.objectId, utid: user.tenantId });
    }
    return call.query.get("response_mode") === "form_post"
      ? postingForm(redirect, answer)
      : redirection(redirect, answer);
  }

  #sign(call: Call, user: User): string {
    const code = `1.${randomBytes(32).toString("base64url")}`;
    this.#codes.set(code, {
      user,
      scope: call.query.get("scope") ?? "",
      challenge: call.query.get("code_challenge") ?? undefined,
      nonce: call.query.get("nonce") ?? undefined,
      claims: call.query.get("claims") ?? undefined,
    });
    return code;
  }
}

function begin(user: User, claims: string | undefined): { principal: User; session: Session } {
  return { principal: user, session: { user, startedAtUnixMs: Date.now(), claims } };
}

const openIdScopes = new Set(["openid", "profile", "offline_access", "email"]);

/** The resource and the scopes on it: v1 names a resource, v2 puts it before the last slash of each scope. */
function target(form: URLSearchParams, earlier: string): { resource: string | undefined; scopes: string[] } {
  const named = form.get("resource");
  if (named !== null) return { resource: named, scopes: [".default"] };
  const asked = (form.get("scope") ?? earlier).split(" ");
  const scopes = asked.filter((scope) => scope !== "" && !openIdScopes.has(scope));
  const first = scopes[0];
  if (first === undefined) return { resource: undefined, scopes: [] };
  const slash = first.lastIndexOf("/");
  if (slash < 0) return { resource: "https://graph.microsoft.com", scopes };
  const resource = first.slice(0, slash);
  return { resource, scopes: scopes.map((scope) => scope.slice(scope.lastIndexOf("/") + 1)) };
}

function clientOf(call: Call): string | undefined {
  return call.form.get("client_id") ?? assertionIssuer(call.form.get("client_assertion") ?? "");
}

/** Any assertion in the application's name is believed; whose key signed it is not what this stand is about. */
function assertionIssuer(assertion: string): string | undefined {
  try {
    const claims = JSON.parse(Buffer.from(assertion.split(".")[1] ?? "", "base64url").toString("utf8")) as {
      sub?: string;
    };
    return claims.sub;
  } catch {
    return undefined;
  }
}

function nameOf(principal: Principal): string {
  return principal.kind === "user" ? principal.principalName : principal.objectId;
}

function redirection(to: string, answer: Record<string, string>): Reply {
  return {
    status: 302,
    headers: { location: `${to}${to.includes("?") ? "&" : "?"}${new URLSearchParams(answer)}` },
  };
}

function postingForm(to: string, answer: Record<string, string>): Reply {
  const fields = Object.entries(answer).map(
    ([name, value]) => `<input type="hidden" name="${name}" value="${escaped(value)}">`,
  );
  return {
    status: 200,
    body: `<form method="post" action="${escaped(to)}">${fields.join("")}</form><script>document.forms[0].submit()</script>`,
  };
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
