// Recognises credentials: what one honours, and whose login its tokens depend on.
//
// By shape, not by class: an application may have loaded several copies of @azure/identity, as ES modules, as CommonJS or
// inside a minified bundle, where classes have other names and no import finds them. Names of fields and methods survive.
import type { CredentialKind } from "../../wasm/ts/platform.ts";
import { generalKind } from "../../wasm/ts/platform.ts";
import { azFolder } from "./az-environment.ts";
import { fieldOf, has, hasMethod, isObject, textOf } from "./fields.ts";
import type { LoginNeeds } from "./login-watch/login-watch.ts";
import type { Tool } from "./login-watch/sources.ts";

/** What is known of a credential. Without `login` nobody can change whose tokens it gets. */
export interface Recognised {
  readonly kind: CredentialKind;
  readonly login?: LoginNeeds;
  /** Where its identity is in its configuration: what it is. */
  readonly shape?: ShapeName;
  /** Of one that asks others, in their order: what is known of them. */
  readonly parts?: readonly Part[];
}

/** A credential that another one asks. */
export interface Part {
  readonly credential: object;
  readonly known: Recognised | undefined;
}

/** Set by this package's own credentials, of whichever copy of it. */
const kindSymbol = Symbol.for("azure-token-cache.kind");

/** Where a credential stands for another one: that one. */
export const subjectSymbol: unique symbol = Symbol.for("azure-token-cache.subject") as never;

/** On a `getToken` that took the place of another one: that one. */
export const originalSymbol: unique symbol = Symbol.for("azure-token-cache.original") as never;

/** Chains in chains, and credentials held by others, are looked through this deep. */
const deepest = 8;

/** The credential itself, where another one stands for it. */
export function subjectOf(credential: object): object {
  return (credential as { [subjectSymbol]?: object })[subjectSymbol] ?? credential;
}

/**
 * Whether it gets tokens as its class does: a class that extends another one, or a program that replaces a method, may get
 * somebody else's.
 */
export function hasOneGetToken(credential: object): boolean {
  let count = 0;
  for (let at: unknown = credential; isObject(at); at = Object.getPrototypeOf(at))
    if (has(at, "getToken")) count += 1;
  return count === 1 && !has(credential, "getToken");
}

/** What is known of `credential`; `undefined` if nobody knows it. */
export function recognise(credential: object): Recognised | undefined {
  try {
    const subject = subjectOf(credential);
    const known = recognised(subject, 0);
    return known === undefined || kindSymbol in subject
      ? known
      : { ...known, kind: { ...known.kind, ofSdk: true } };
  } catch {
    // A proxy, or a getter that throws.
    return undefined;
  }
}

/** The login to watch for a credential that nobody knows: it may end in any tool. */
export function unknownLogin(): LoginNeeds {
  return { ...strict(["az", "azd", "powershell", "vscode"]), reliance: "unknown" };
}

function recognised(credential: object, depth: number): Recognised | undefined {
  if (depth > deepest) return undefined;
  return (
    ownKind(credential) ??
    chain(credential, depth) ??
    developerTool(credential) ??
    fixed(credential, depth) ??
    holder(credential, depth)
  );
}

function ownKind(credential: object): Recognised | undefined {
  const own = (credential as { [kindSymbol]?: unknown })[kindSymbol];
  if (typeof own !== "object" || own === null) return undefined;
  return azureCli(textOf(own, "tenantId"), textOf(own, "subscription"), limitOf(own, "limitMs"));
}

// Developer tools. A shape that fits more than one is watched for each.

function developerTool(credential: object): Recognised | undefined {
  if (hasMethod(credential, "prepareOnce") && hasMethod(credential, "loadAuthRecord"))
    return visualStudioCode(credential);
  if (!has(credential, "additionallyAllowedTenantIds") || !has(credential, "timeout")) return undefined;
  const limitMs = limitOf(credential, "timeout");
  if (hasMethod(credential, "getAzurePowerShellAccessToken")) return powershell();
  if (has(credential, "subscription") || hasMethod(credential, "parseRawResponse")) {
    return azureCli(textOf(credential, "tenantId"), textOf(credential, "subscription"), limitMs);
  }
  // What its errors say is not renamed either.
  const source = sourceOf(credential);
  if (source.includes("azd auth login")) return azureDeveloperCli(limitMs);
  if (source.includes("az login")) return azureCli(textOf(credential, "tenantId"), undefined, limitMs);
  return strictChain("developer tool", ["az", "azd", "powershell"], generalKind);
}

function azureCli(
  tenantId: string | undefined,
  subscription: string | undefined,
  limitMs: number | undefined,
): Recognised {
  return {
    kind: {
      name: "AzureCliCredential",
      keyedBy: "az",
      honoursClaims: false,
      abortable: false,
      interactive: false,
      ...(limitMs === undefined ? {} : { limitMs }),
    },
    login: { ...strict(["az"]), tenantId, subscription },
  };
}

function azureDeveloperCli(limitMs: number | undefined): Recognised {
  const kind = { ...generalKind, name: "AzureDeveloperCliCredential", abortable: false };
  return { kind: limitMs === undefined ? kind : { ...kind, limitMs }, login: strict(["azd"]) };
}

/** Its limit is for each of its processes, and there are two a token: it keeps to it itself. */
function powershell(): Recognised {
  const kind = { ...generalKind, name: "AzurePowerShellCredential", abortable: false, honoursClaims: false };
  return { kind, login: strict(["powershell"]) };
}

/** It reads who is signed in once. */
function visualStudioCode(credential: object): Recognised {
  return strictChain("VisualStudioCodeCredential", ["vscode"], generalKind, [credential]);
}

function strict(tools: readonly Tool[]): LoginNeeds {
  return { tools, reliance: "always", folder: azFolder(process.env) };
}

function strictChain(
  name: string,
  tools: readonly Tool[],
  kind: CredentialKind,
  holders: readonly object[] = [],
): Recognised {
  return { kind: { ...kind, name }, login: { ...strict(tools), reliance: "perhaps", holders } };
}

// Chains.

/** `ChainedTokenCredential` and what extends it, `DefaultAzureCredential` above all. */
function chain(credential: object, depth: number): Recognised | undefined {
  const sources = fieldOf(credential, "_sources");
  if (!Array.isArray(sources)) return undefined;
  return together("ChainedTokenCredential", sources, depth);
}

/** As watchful as its most watched part. */
function together(name: string, sources: readonly unknown[], depth: number): Recognised {
  const parts = sources
    .filter(isObject)
    .map((credential) => ({ credential, known: recognised(credential, depth + 1) }));
  const known = parts.map((part) => part.known);
  const kind = { ...generalKind, name, interactive: known.some((part) => part?.kind.interactive) };
  const tools = new Set(known.flatMap((part) => part?.login?.tools ?? []));
  const reliances = known.map((part) => (part === undefined ? "unknown" : part.login?.reliance));
  if (reliances.some((reliance) => reliance === "always" || reliance === "perhaps")) {
    const holders = known.flatMap((part) => part?.login?.holders ?? []);
    return { ...strictChain(name, [...tools], kind, holders), parts };
  }
  return reliances.includes("unknown") ? { kind, login: unknownLogin(), parts } : { kind, parts };
}

/** A credential of another maker that holds a developer tool's in a field: a wrapper around it. */
function holder(credential: object, depth: number): Recognised | undefined {
  const held = Object.values(credential).filter((value) => isObject(value) && isCredential(value));
  const known = held.map((part) => recognised(part, depth + 1));
  if (!known.some((part) => part?.login !== undefined && part.login.reliance !== "unknown")) return undefined;
  const { kind, login } = together("credential", held, depth);
  return login === undefined ? undefined : { kind, login };
}

// Credentials whose identity is in their configuration. Here a wrong guess would leave a login unwatched, so that a shape
// has to fit in more than one way.

interface Shape {
  readonly name: string;
  readonly fields: readonly string[];
  readonly methods?: readonly string[];
  readonly interactive?: true;
}

/** What a credential is of which nobody can change whose tokens it gets. */
export type ShapeName = (typeof fixedShapes)[number]["name"];

const fixedShapes = [
  { name: "ManagedIdentityCredential", fields: ["managedIdentityApp", "identityClient", "msiRetryConfig"] },
  {
    name: "OnBehalfOfCredential",
    fields: ["msalClient", "userAssertionToken", "additionallyAllowedTenantIds"],
  },
  { name: "AuthorizationCodeCredential", fields: ["msalClient", "authorizationCode", "redirectUri"] },
  { name: "UsernamePasswordCredential", fields: ["msalClient", "username", "password"] },
  { name: "ClientSecretCredential", fields: ["msalClient", "clientSecret", "additionallyAllowedTenantIds"] },
  {
    name: "ClientAssertionCredential",
    fields: ["msalClient", "getAssertion", "additionallyAllowedTenantIds"],
  },
  { name: "ClientCertificateCredential", fields: ["msalClient", "certificateConfiguration"] },
  {
    name: "WorkloadIdentityCredential",
    fields: ["client", "federatedTokenFilePath"],
    methods: ["readFileContents"],
  },
  {
    name: "AzurePipelinesCredential",
    fields: ["clientAssertionCredential", "identityClient"],
    methods: ["requestOidcToken"],
  },
  {
    name: "InteractiveBrowserCredential",
    fields: ["msalClient", "disableAutomaticAuthentication", "browserCustomizationOptions"],
    methods: ["authenticate"],
    interactive: true,
  },
  {
    name: "DeviceCodeCredential",
    fields: ["msalClient", "disableAutomaticAuthentication", "userPromptCallback"],
    methods: ["authenticate"],
    interactive: true,
  },
  { name: "unavailable", fields: ["credentialUnavailableErrorMessage", "credentialName"] },
] as const satisfies readonly Shape[];

function fixed(credential: object, depth: number): Recognised | undefined {
  const shape = fixedShapes.find((shape) => fits(credential, shape));
  if (shape === undefined) return environment(credential, depth);
  const interactive = "interactive" in shape;
  return { kind: { ...generalKind, name: shape.name, interactive }, shape: shape.name };
}

function fits(credential: object, { fields, methods = [] }: Shape): boolean {
  return (
    fields.every((field) => has(credential, field)) &&
    methods.every((method) => hasMethod(credential, method))
  );
}

/** `EnvironmentCredential` has one field: the credential that the environment described, if it described one. */
function environment(credential: object, depth: number): Recognised | undefined {
  const fields = Object.getOwnPropertyNames(credential);
  if (fields.length !== 1 || fields[0] !== "_credential") return undefined;
  const inner = fieldOf(credential, "_credential");
  const kind = { ...generalKind, name: "EnvironmentCredential" };
  if (inner === undefined) return { kind, parts: [] };
  if (!isObject(inner)) return undefined;
  const known = recognised(inner, depth + 1);
  if (known === undefined) return undefined;
  const { login } = known;
  return { kind, ...(login !== undefined && { login }), parts: [{ credential: inner, known }] };
}

// Looking at objects.

function isCredential(value: object): boolean {
  return hasMethod(value, "getToken");
}

function limitOf(object: object, name: string): number | undefined {
  const value = fieldOf(object, name);
  return typeof value === "number" && value > 0 ? value : undefined;
}

function sourceOf(credential: object): string {
  const getToken = fieldOf(credential, "getToken");
  if (typeof getToken !== "function") return "";
  const original = (getToken as { [originalSymbol]?: unknown })[originalSymbol];
  return Function.prototype.toString.call(original ?? getToken);
}
