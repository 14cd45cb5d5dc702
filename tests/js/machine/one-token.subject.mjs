// A program of its own: one token through the cache with the persistent store, and whose it is on standard output.
import { withTokenCache } from "azure-token-cache";
import { AzureCliCredential, persistentStore } from "azure-token-cache/node";

const [scope, kind, store] = process.argv.slice(2);
const events = [];
const options = { store: persistentStore(JSON.parse(store)), onEvent: (event) => events.push(event.type) };
const inner =
  kind === "ours" ? new AzureCliCredential() : new (await import("@azure/identity")).AzureCliCredential();
try {
  const { token } = await withTokenCache(inner, options).getToken(scope);
  const { oid, uti } = JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
  console.log(JSON.stringify({ oid, uti, events }));
} catch (error) {
  console.log(JSON.stringify({ error: error.name, message: error.message, events }));
}
