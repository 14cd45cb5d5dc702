// The entry point azure-token-cache/node: what is for Node alone.
export { AzureCliCredential, type AzureCliCredentialOptions } from "./azure-cli-credential.ts";
export { type CliIdentity, type CliIdentityOptions, cliIdentity } from "./cli-identity.ts";
export { CredentialUnavailableError } from "./errors.ts";
export {
  PersistentStoreError,
  type PersistentStoreOptions,
  persistentStore,
  type Vault,
} from "./persistent-store.ts";
