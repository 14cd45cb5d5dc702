// Decides under whose name a credential's tokens stand in a store, and refuses where nobody can say whose they are.
import type { TokenCredential } from "./credential.ts";
import { OptionError } from "./errors.ts";
import type { CheckedWrapOptions } from "./options.ts";
import type { LoginWatch, Platform, Told, Untold } from "./platform.ts";

/** Named by the program, or told by the credential's own options. */
export type Partition = { readonly named: string } | { readonly told: Told };

/** `"login"`: it is known to the login watch alone. */
export type Whose = Partition | "login";

/** @throws OptionError where `partition` is needed. */
export function whoseTokens(
  credential: TokenCredential,
  { identity, partition }: CheckedWrapOptions,
  watch: LoginWatch | undefined,
  platform: Platform,
): Whose {
  if (partition !== undefined) return { named: partition };
  if (watch?.stored !== undefined) return "login";
  const derived = platform.partitionOf?.(credential, identity) ?? { untold: unknown };
  if ("untold" in derived) throw needsPartition(derived.untold);
  if (derived.login !== "none" && watch?.standing === undefined) throw needsPartition(unwatched);
  return { told: derived };
}

const unknown: Untold = {
  credential: "this credential",
  why: "it is of a class that the cache does not know",
};

const unwatched: Untold = {
  credential: "this credential",
  why: 'its login is not watched: leave out identity: "fixed"',
};

function needsPartition({ credential, within, why }: Untold): OptionError {
  const name = within === undefined ? credential : `${credential} (in ${within})`;
  const problem =
    `is needed with a store: whose tokens ${name} gets cannot be told, because ${why}. Pass a text that no credential of ` +
    "another identity is given, such as a tenant and a client id";
  return new OptionError("partition", problem);
}
