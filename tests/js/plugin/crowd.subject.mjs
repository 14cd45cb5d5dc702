// One of many processes on one cache, as a test starts it: does what its arguments say.
import { cachePersistence } from "azure-token-cache/plugin";
import { App, cachePluginsOf } from "./msal.mjs";

const [deed, name, count] = process.argv.slice(2);
const [provided] = cachePluginsOf(cachePersistence({ vault: "key-file" }));
const cachePlugin = await provided;
const app = new App(cachePlugin);

const deeds = {
  /** Signs users of its own in, and every other one out again; refreshes a user whom all share, until somebody signs that one out. */
  async crowd() {
    for (let round = 0; round < Number(count); round++) {
      await app.signIn(`${name}-${round}`);
      if (round % 2 === 1) await app.signOut(`${name}-${round}`);
      await app.refresh("shared");
      if (name === "p0" && round === 2) await app.signOut("shared");
    }
  },

  /** Two of one process at a time. */
  async together() {
    const other = new App(await cachePluginsOf(cachePersistence({ vault: "key-file" }))[0]);
    await Promise.all(
      Array.from({ length: Number(count) }, (_, round) =>
        (round % 2 ? app : other).signIn(`${name}-${round}`),
      ),
    );
  },

  /** Is killed where an application has begun to change the cache. */
  async "stop-before"() {
    const context = { tokenCache: { serialize: () => "{}", deserialize() {} }, cacheHasChanged: true };
    await cachePlugin.beforeCacheAccess(context);
    console.log("begun");
    setInterval(() => context, 2 ** 30);
  },
};

await deeds[deed]();
