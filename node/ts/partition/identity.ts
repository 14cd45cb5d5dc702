// What tells the identity of a configured credential of @azure/identity from every other one, kind by kind.
import type { Derived } from "../../../wasm/ts/platform.ts";
import { entryKey, isExact } from "../../../wasm/ts/store/entry-key.ts";
import type { EntryKey } from "../../../wasm/ts/store/token-store.ts";
import { fieldOf, isObject } from "../fields.ts";
import type { ShapeName } from "../kinds.ts";
import { type Application, applicationOf, firstBoundTextOf } from "./closure.ts";

/** A credential of this shape, by its fields and by what its MSAL client keeps. */
export function configuredIdentity(shape: ShapeName, credential: object): Derived {
  try {
    return told(shape, identities[shape](credential));
  } catch (error) {
    if (error instanceof Gap) return { untold: { credential: shape, why: error.message } };
    throw error;
  }
}

/**
 * What decides whether the credential answers a request for a tenant that is not its own, and with whose token: one that
 * refuses must not find what another one has got.
 */
export function tenantSettings(credential: object): (string | EntryKey)[] {
  const allowed = fieldOf(credential, "additionallyAllowedTenantIds");
  const names = Array.isArray(allowed) ? allowed.map(String) : [];
  const ignores = process.env["AZURE_IDENTITY_DISABLE_MULTITENANTAUTH"] ? "own tenant alone" : "";
  return [entryKey([...new Set(names)].sort()), ignores];
}

/** Names the machine's own identities, for the credentials of which nothing else has to be told. */
const machineVariable = "AZURE_TOKEN_CACHE_PARTITION";

/** The facts of one credential. What is not there counts too: no two lists of facts are alike. */
interface Facts {
  readonly application?: Application;
  /** Whose fields say which tenants it may be asked for. */
  readonly holder?: object;
  readonly texts?: Readonly<Record<string, unknown>>;
  /** Of which only a keyed digest is kept. */
  readonly secrets?: Readonly<Record<string, unknown>>;
  /** Whether the identity is still that one; not there: it cannot change. */
  readonly isStill?: () => boolean;
}

/** What cannot be told, in a sentence's words. */
class Gap extends Error {}

const identities: Readonly<Record<ShapeName, (credential: object) => Facts>> = {
  ClientSecretCredential: (credential) => ({
    ...client(credential),
    secrets: { secret: fieldOf(credential, "clientSecret") },
  }),

  ClientCertificateCredential: (credential) => {
    const configuration = fieldOf(credential, "certificateConfiguration");
    if (!isObject(configuration)) throw new Gap("its certificate cannot be found");
    const { certificate, certificatePath, certificatePassword } = configuration as Record<string, unknown>;
    const content = certificate || certificateIn(certificatePath);
    return { ...client(credential), secrets: { certificate: content, password: certificatePassword } };
  },

  // The callback cannot be told from another one, and need not be: an assertion proves a client, and the client's own token
  // is all that it brings. Two callbacks of one client in one tenant bring the same identity, or fail.
  ClientAssertionCredential: client,

  WorkloadIdentityCredential: (credential) => ({
    ...client(inner(credential, "client")),
    texts: { file: fieldOf(credential, "federatedTokenFilePath") },
  }),

  AzurePipelinesCredential: (credential) => {
    const assertion = inner(credential, "clientAssertionCredential");
    return { ...client(assertion), texts: { connection: serviceConnectionOf(assertion) } };
  },

  OnBehalfOfCredential: (credential) => {
    const path = fieldOf(credential, "certificatePath");
    return {
      ...client(credential),
      secrets: {
        user: fieldOf(credential, "userAssertionToken"),
        secret: fieldOf(credential, "clientSecret"),
        certificate: path ? certificateIn(path) : undefined,
      },
    };
  },

  UsernamePasswordCredential: (credential) => ({
    ...client(credential),
    texts: { user: fieldOf(credential, "username") },
    secrets: { password: fieldOf(credential, "password") },
  }),

  AuthorizationCodeCredential: (credential) => ({
    ...client(credential),
    texts: { redirect: fieldOf(credential, "redirectUri") },
    secrets: { code: fieldOf(credential, "authorizationCode"), secret: fieldOf(credential, "clientSecret") },
  }),

  DeviceCodeCredential: signedIn,
  InteractiveBrowserCredential: signedIn,

  ManagedIdentityCredential: (credential) => {
    const machine = process.env[machineVariable];
    if (!machine)
      throw new Gap(
        `its identity is that of the machine it runs on, for which ${machineVariable} may give a name`,
      );
    const [client, resource, object] = ["clientId", "resourceId", "objectId"].map((field) =>
      fieldOf(credential, field),
    );
    return { texts: { machine, client, resource, object } };
  },

  // It never gets a token.
  unavailable: () => ({}),
};

/** The client of the credential, its tenant and its authority. */
function client(credential: object): Facts {
  const application = applicationOf(fieldOf(credential, "msalClient"));
  if (application === undefined)
    throw new Gap("its client id can only be read with Node's inspector, which is not to be had here");
  return { application, holder: credential };
}

/** Anybody may sign in where no `authenticationRecord` says who did. */
function signedIn(credential: object): Facts {
  const facts = client(credential);
  const account = () => activeAccount(fieldOf(credential, "msalClient"));
  const record = account();
  if (record === undefined)
    throw new Gap("anybody may sign in: give it the authenticationRecord of the one who did");
  return { ...facts, texts: { account: record }, isStill: () => account() === record };
}

/** The id of the account that signed in last, or that a record named. */
function activeAccount(msalClient: unknown): string | undefined {
  if (!isObject(msalClient)) return undefined;
  const { getActiveAccount } = msalClient as { getActiveAccount?: () => { homeAccountId?: unknown } };
  const id = getActiveAccount?.()?.homeAccountId;
  return typeof id === "string" && id !== "" ? id : undefined;
}

function inner(credential: object, field: string): object {
  const held = fieldOf(credential, field);
  if (isObject(held)) return held;
  throw new Gap("the credential that it holds cannot be found");
}

/** It is the end of the address that its assertions come from; what is before it differs from job to job. */
function serviceConnectionOf(assertion: object): string {
  const address = firstBoundTextOf(fieldOf(assertion, "getAssertion"));
  const mark = "serviceConnectionId=";
  const at = address?.indexOf(mark) ?? -1;
  if (address === undefined || at < 0) throw new Gap("its service connection cannot be found");
  return address.slice(at + mark.length);
}

function certificateIn(path: unknown): string {
  try {
    return process.getBuiltinModule("node:fs").readFileSync(path as string, "utf8");
  } catch {
    throw new Gap("its certificate file cannot be read");
  }
}

/** Each fact stands behind its name, so that one that is missing cannot be mistaken for another. */
function told(shape: ShapeName, { application, holder, texts, secrets, isStill }: Facts): Derived {
  const parts: (string | EntryKey)[] = ["identity 1", shape];
  if (application !== undefined)
    parts.push("client", application.clientId, "authority", application.authority);
  if (holder !== undefined) {
    parts.push(
      "tenants",
      ...tenantSettings(holder),
      "region",
      process.env["AZURE_REGIONAL_AUTHORITY_NAME"] ?? "",
    );
    parts.push(...named({ tenant: fieldOf(holder, "tenantId") }));
  }
  if (texts !== undefined) parts.push(...named(texts));
  const all = [...parts, ...Object.values(secrets ?? {})].filter((part) => typeof part === "string");
  if (!all.every(isExact)) throw new Gap("a text of it ends within a character");
  const known = entryKey(parts);
  if (secrets !== undefined)
    parts.push(...named(secrets).map((part, at) => (at % 2 ? digest(known, part) : part)));
  return { partition: entryKey(parts), login: "none", isStill: isStill ?? (() => true) };
}

/** Names and values, one behind the other, of what is there. */
function named(facts: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(facts).flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]));
}

/** Under everything else that is known, so that equal secrets of two clients have no equal digests. */
function digest(known: EntryKey, secret: string): EntryKey {
  const { createHmac } = process.getBuiltinModule("node:crypto");
  return new Uint8Array(createHmac("sha256", known).update(secret, "utf8").digest());
}
