// An ESM program that gets an application's token through @azure/identity; unless its first argument is "none", with the plugin
// for persistent tokens that this module exports.
import { ClientSecretCredential, useIdentityPlugin } from "@azure/identity";

const [plugin, authorityHost, tenant, client, secret, scope] = process.argv.slice(2);
if (plugin !== "none") useIdentityPlugin((await import(plugin)).cachePersistencePlugin);
const tokenCachePersistenceOptions = { enabled: plugin !== "none" };
const options = { authorityHost, disableInstanceDiscovery: true, tokenCachePersistenceOptions };
await new ClientSecretCredential(tenant, client, secret, options).getToken(scope);
