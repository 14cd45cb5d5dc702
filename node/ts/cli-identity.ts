// cliIdentity(): says that a credential of one's own gets its tokens from Azure CLI.
import type { LoginNeeds } from "./login-watch/login-watch.ts";

/** What such a credential hands to az. */
export interface CliIdentityOptions {
  /** The subscription that it names to az, by name or id: its account is watched instead of the current one. */
  subscription?: string;
  /** The tenant that it names to az, where that is not the account's own. */
  tenantId?: string;
}

/** By this, and not by its class: each entry point of this package is a file of its own. */
const identity = Symbol.for("azure-token-cache.identity");

/** The value of the option `identity` for a credential that runs az. Made by `cliIdentity` alone. */
export interface CliIdentity {
  /** @internal */
  readonly [identity]: CliIdentityOptions;
}

/**
 * For a credential of your own that runs `az`: `withTokenCache(credential, { identity: cliIdentity() })`. Its tokens go
 * the moment another account is logged in to az.
 */
export function cliIdentity(options: CliIdentityOptions = {}): CliIdentity {
  return { [identity]: { ...options } };
}

/** What to watch for it; `undefined` of any other value. */
export function cliIdentityNeeds(value: unknown): LoginNeeds | undefined {
  if (typeof value !== "object" || value === null || !(identity in value)) return undefined;
  const { subscription, tenantId } = value[identity] as CliIdentityOptions;
  return { tools: ["az"], reliance: "always", subscription, tenantId, folder: undefined };
}
