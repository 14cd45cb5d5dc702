// An ESM program that gets an application's token through @azure/identity; with the argument "plugin", the one that another
// process left with azure-token-cache/plugin.
import { ClientSecretCredential, useIdentityPlugin } from "@azure/identity";

const [kept, authorityHost, tenant, client, secret, scope] = process.argv.slice(2);
if (kept === "plugin") useIdentityPlugin((await import("azure-token-cache/plugin")).cachePersistencePlugin);
const tokenCachePersistenceOptions = { enabled: kept === "plugin" };
const options = { authorityHost, disableInstanceDiscovery: true, tokenCachePersistenceOptions };
await new ClientSecretCredential(tenant, client, secret, options).getToken(scope);
