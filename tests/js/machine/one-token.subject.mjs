// A program of its own: one token through the cache with the persistent store; prints when it has to wait for another
// process, and at last whose token it got.
import { withTokenCache } from "azure-token-cache";
import { AzureCliCredential, persistentStore } from "azure-token-cache/node";

const [scope, kind, store] = process.argv.slice(2);
const events = [];
const options = {
  store: telling(persistentStore(JSON.parse(store))),
  onEvent: (event) => events.push(event.type),
};
const inner =
  kind === "ours" ? new AzureCliCredential() : new (await import("@azure/identity")).AzureCliCredential();
try {
  const { token } = await withTokenCache(inner, options).getToken(scope);
  const { oid, uti } = JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
  console.log(JSON.stringify({ oid, uti, events }));
} catch (error) {
  console.log(JSON.stringify({ error: error.name, message: error.message, events }));
}

function telling(store) {
  const { tryLock } = store;
  store.tryLock = async (...given) => {
    const lock = await tryLock.apply(store, given);
    if (lock === undefined) console.log("waits");
    return lock;
  };
  return store;
}
