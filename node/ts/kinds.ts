// Recognises credentials: what one honours, and whose login its tokens depend on.
//
// By shape, not by class: an application may have loaded several copies of @azure/identity, as ES modules, as CommonJS or
// inside a minified bundle, where classes have other names and no import finds them. Names of fields and methods survive.
import type { CredentialKind } from "../../wasm/ts/platform.ts";
import { generalKind } from "../../wasm/ts/platform.ts";
import { azFolder } from "./az-environment.ts";
import type { LoginNeeds } from "./login-watch.ts";
import type { Tool } from "./login-watch-sources.ts";

/** What is known of a credential. Without `login` nobody can change whose tokens it gets. */
export interface Recognised {
  readonly kind: CredentialKind;
  readonly login?: LoginNeeds;
}

/** Set by this package's own credentials, of whichever copy of it. */
const kindSymbol = Symbol.for("azure-token-cache.kind");

/** Where a credential stands for another one: that one. */
export const subjectSymbol: unique symbol = Symbol.for("azure-token-cache.subject") as never;

/** On a `getToken` that took the place of another one: that one. */
export const originalSymbol: unique symbol = Symbol.for("azure-token-cache.original") as never;

/** Chains in chains, and credentials held by others, are looked through this deep. */
const deepest = 8;

/** What is known of `credential`; `undefined` if nobody knows it. */
export function recognise(credential: object): Recognised | undefined {
  try {
    return recognised((credential as { [subjectSymbol]?: object })[subjectSymbol] ?? credential, 0);
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
    return visualStudioCode();
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

function visualStudioCode(): Recognised {
  return strictChain("VisualStudioCodeCredential", ["vscode"], generalKind);
}

function strict(tools: readonly Tool[]): LoginNeeds {
  return { tools, reliance: "always", folder: azFolder(process.env) };
}

function strictChain(name: string, tools: readonly Tool[], kind: CredentialKind): Recognised {
  return { kind: { ...kind, name }, login: { ...strict(tools), reliance: "perhaps" } };
}

// Chains.

/** `ChainedTokenCredential` and what extends it, `DefaultAzureCredential` above all. */
function chain(credential: object, depth: number): Recognised | undefined {
  const sources = fieldOf(credential, "_sources");
  if (!Array.isArray(sources)) return undefined;
  return together("ChainedTokenCredential", sources, depth);
}

/** As watchful as its most watched part. */
function together(name: string, parts: readonly unknown[], depth: number): Recognised {
  const known = parts.filter(isObject).map((part) => recognised(part, depth + 1));
  const kind = { ...generalKind, name, interactive: known.some((part) => part?.kind.interactive) };
  const tools = new Set(known.flatMap((part) => part?.login?.tools ?? []));
  const reliances = known.map((part) => (part === undefined ? "unknown" : part.login?.reliance));
  if (reliances.some((reliance) => reliance === "always" || reliance === "perhaps")) {
    return strictChain(name, [...tools], kind);
  }
  return reliances.includes("unknown") ? { kind, login: unknownLogin() } : { kind };
}

/** A credential of another maker that holds a developer tool's in a field: a wrapper around it. */
function holder(credential: object, depth: number): Recognised | undefined {
  const held = Object.values(credential).filter((value) => isObject(value) && isCredential(value));
  const known = held.map((part) => recognised(part, depth + 1));
  if (!known.some((part) => part?.login !== undefined && part.login.reliance !== "unknown")) return undefined;
  return together("credential", held, depth);
}

// Credentials whose identity is in their configuration. Here a wrong guess would leave a login unwatched, so that a shape
// has to fit in more than one way.

interface Shape {
  readonly name: string;
  readonly fields: readonly string[];
  readonly methods?: readonly string[];
  readonly interactive?: true;
}

const fixedShapes: readonly Shape[] = [
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
];

function fixed(credential: object, depth: number): Recognised | undefined {
  const shape = fixedShapes.find((shape) => fits(credential, shape));
  if (shape !== undefined) {
    return { kind: { ...generalKind, name: shape.name, interactive: shape.interactive === true } };
  }
  return environment(credential, depth);
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
  if (inner === undefined) return { kind };
  if (!isObject(inner)) return undefined;
  const known = recognised(inner, depth + 1);
  return known === undefined ? undefined : { ...known, kind };
}

// Looking at objects.

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isCredential(value: object): boolean {
  return hasMethod(value, "getToken");
}

function has(object: object, field: string): boolean {
  return Object.hasOwn(object, field);
}

function hasMethod(object: object, name: string): boolean {
  return typeof fieldOf(object, name) === "function";
}

function fieldOf(object: object, name: string): unknown {
  return (object as Record<string, unknown>)[name];
}

function textOf(object: object, name: string): string | undefined {
  const value = fieldOf(object, name);
  return typeof value === "string" && value !== "" ? value : undefined;
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
