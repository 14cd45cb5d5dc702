// The plugin for useIdentityPlugin, without @azure/identity: what one cache was given, another one finds.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cachePersistence } from "azure-token-cache/plugin";

const directory = mkdtempSync(join(tmpdir(), "use-plugin-"));
const text = '{"Account":{"ann":{"home_account_id":"ann","environment":"login.example"}}}';

await access({ serialize: () => text, deserialize() {} }, true);
let found = "";
await access({ serialize: () => found, deserialize: (kept) => (found = kept) }, false);
rmSync(directory, { recursive: true });
if (JSON.parse(found).Account.ann.home_account_id !== "ann") throw new Error(found);
console.log("used");

async function access(tokenCache, cacheHasChanged) {
  let provide;
  // A key in memory where there is a vault, and none where there is not.
  const plugin = cachePersistence({ directory, vault: "key-file" });
  plugin({ cachePluginControl: { setPersistence: (provider) => (provide = provider) } });
  const cachePlugin = await provide({ enabled: true, unsafeAllowUnencryptedStorage: true });
  await cachePlugin.beforeCacheAccess({ tokenCache, cacheHasChanged });
  await cachePlugin.afterCacheAccess({ tokenCache, cacheHasChanged });
}
