// Whose tokens a credential gets, as its own options and files say it: what keeps them apart from those of all others.
import { type Derived, generalKind, type Told, type Untold } from "../../../wasm/ts/platform.ts";
import { entryKey } from "../../../wasm/ts/store/entry-key.ts";
import { textOf } from "../fields.ts";
import { hasOneGetToken, type Part, type Recognised, recognise, subjectOf } from "../kinds.ts";
import type { LoginNeeds } from "../login-watch/login-watch.ts";
import { configuredIdentity, tenantSettings } from "./identity.ts";

/** Reads what the credential keeps to itself, and the certificate that it names. Never throws. */
export function partitionOf(credential: object): Derived {
  try {
    return derived({ credential: subjectOf(credential), known: recognise(credential) });
  } catch {
    return untold("credential", "looking at it throws an error");
  }
}

/** Of a credential of which its user says that it runs az with these options. */
export function partitionOfCli({ tenantId = "", subscription = "" }: LoginNeeds): Told {
  const partition = entryKey(["tool 1", "cliIdentity", tenantId, subscription]);
  return { partition, login: "always", isStill: () => true };
}

function derived({ credential, known }: Part): Derived {
  if (known === undefined) return untold("credential", "it is of a class that the cache does not know");
  const { name } = known.kind;
  if (!hasOneGetToken(credential)) return untold(name, "it was given a getToken of its own");
  if (known.parts !== undefined) return chain(name, known.parts);
  if (known.shape !== undefined) return configuredIdentity(known.shape, credential);
  // A class of the program's own may hold a tool's credential, and ask it, or somebody else, as it likes.
  if (known.login !== undefined && name !== generalKind.name) return tool(credential, known);
  return untold(name, "it is of a class that the cache does not know");
}

/** Any of its parts may have got the token, so that all of them count, in their order. */
function chain(name: string, parts: readonly Part[]): Derived {
  const known = parts.map(derived);
  const gap = known.find((part) => "untold" in part);
  if (gap !== undefined) return { untold: { ...gap.untold, within: name } };
  const told = known as readonly Told[];
  return {
    partition: entryKey(["chain 1", name, ...told.map((part) => part.partition)]),
    login: together(told.map((part) => part.login)),
    isStill: () => told.every((part) => part.isStill()),
  };
}

function together(logins: readonly Told["login"][]): Told["login"] {
  if (logins.every((login) => login === "none")) return "none";
  return logins.every((login) => login === "always") ? "always" : "perhaps";
}

/** Who is logged in is the watch's to say; here is what the credential asks of the tool. */
function tool(credential: object, { kind, login }: Recognised): Told {
  const tenant = login?.tenantId ?? textOf(credential, "tenantId") ?? "";
  const asked = [tenant, login?.subscription ?? "", ...tenantSettings(credential)];
  const partition = entryKey(["tool 1", kind.name, ...asked]);
  return { partition, login: "always", isStill: () => true };
}

function untold(credential: string, why: string): { readonly untold: Untold } {
  return { untold: { credential, why } };
}
