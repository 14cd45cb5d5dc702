// An ordinary user's program, as a test starts it: signs in over the plugin, and says who is signed in, or the error.
import { cachePersistence } from "azure-token-cache/plugin";
import { App, cachePluginsOf } from "./msal.mjs";

const user = process.geteuid();
try {
  // A key file is refused without a runtime folder; another vault of the machine could work for anybody.
  const [provided] = cachePluginsOf(cachePersistence({ vault: "key-file" }), JSON.parse(process.argv[2]));
  const app = new App(await provided);
  if (!(await app.users()).includes("ann")) await app.signIn("ann");
  console.log(JSON.stringify({ user, users: await app.users() }));
} catch ({ name, code, message }) {
  console.log(JSON.stringify({ user, name, code, message }));
}
