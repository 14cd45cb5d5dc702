// The entry point azure-token-cache/node: what is for Node alone.
export {
  type AbortSignalLike,
  type AzureCliAccessToken,
  AzureCliCredential,
  type AzureCliCredentialOptions,
  type AzureCliTokenOptions,
} from "./azure-cli-credential.ts";
export { type CliIdentity, type CliIdentityOptions, cliIdentity } from "./cli-identity.ts";
export { AbortError, CredentialUnavailableError } from "./errors.ts";
