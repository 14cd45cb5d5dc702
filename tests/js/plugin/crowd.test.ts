// Many processes, and many calls in one, on one cache of MSAL for Node: nothing is lost, and nothing that was removed comes back.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { cachePersistence } from "azure-token-cache/plugin";
import { printedBy } from "../../stand/run.ts";
import type { Stand } from "../store/stand.ts";
import { App, cachePluginsOf } from "./msal.mjs";
import { keyFile, pluginTest } from "./program.ts";

const subject = fileURLToPath(new URL("crowd.subject.mjs", import.meta.url));
const processes = 16;
const rounds = 8;

async function start(stand: Stand, ...args: string[]): Promise<void> {
  await printedBy(process.execPath, [subject, ...args], { env: stand.environment });
}

/** An application in this process, on the stand's folder. */
async function open(stand: Stand): Promise<App> {
  const plugin = stand.within(() => cachePluginsOf(cachePersistence(keyFile))[0].then((made) => made));
  return new App(await plugin);
}

pluginTest("sixteen processes lose no account and bring none back", async (stand) => {
  const app = await open(stand);
  await app.signIn("shared");
  const crowd = Array.from({ length: processes }, (_, index) =>
    start(stand, "crowd", `p${index}`, `${rounds}`),
  );
  await Promise.all(crowd);
  const kept = Array.from({ length: processes }, (_, index) =>
    Array.from({ length: rounds / 2 }, (_, half) => `p${index}-${2 * half}`),
  ).flat();
  assert.deepEqual(await app.users(), kept.sort());
  const sections = await app.sections();
  for (const section of ["Account", "IdToken", "AccessToken", "RefreshToken"])
    assert.deepEqual(
      Object.values(sections[section] ?? {})
        .map((entry) => entry.home_account_id)
        .sort(),
      kept.map((user) => `${user}.tenant`),
      section,
    );
});

pluginTest("many calls at once in one process lose nothing either", async (stand) => {
  await Promise.all([start(stand, "together", "a", "20"), start(stand, "together", "b", "20")]);
  const users = ["a", "b"].flatMap((name) => Array.from({ length: 20 }, (_, round) => `${name}-${round}`));
  assert.deepEqual(await (await open(stand)).users(), users.sort());
});

pluginTest("while MSAL empties its memory for one caller, another finds what was there", async (stand) => {
  const app = await open(stand);
  await app.signIn("ann");
  const token = await app.token("ann");
  const calls = Array.from({ length: 20 }, (_, call) =>
    call % 4 === 3 ? app.signIn(`u${call}`) : app.token("ann"),
  );
  for (const got of await Promise.all(calls)) assert.ok(got === undefined || got === token);
  assert.equal((await (await open(stand)).users()).length, 6);
});

pluginTest("an account that another process signed out is not used any more", async (stand) => {
  const [one, other] = [await open(stand), await open(stand)];
  await one.signIn("ann");
  await one.signIn("ben");
  assert.deepEqual(await other.users(), ["ann", "ben"]);
  await one.signOut("ann");
  assert.deepEqual(await other.users(), ["ben"]);
  assert.equal(await other.refresh("ann"), false);
  await other.signIn("cid");
  assert.deepEqual(await one.users(), ["ben", "cid"]);
});

pluginTest("a process that is killed in the middle of a change holds nobody up", async (stand) => {
  const app = await open(stand);
  await app.signIn("ann");
  const child = spawn(process.execPath, [subject, "stop-before"], {
    env: stand.environment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  await app.signIn("ben");
  child.kill("SIGKILL");
  await once(child, "exit");
  await app.signIn("cid");
  assert.deepEqual(await (await open(stand)).users(), ["ann", "ben", "cid"]);
});

pluginTest("a reader that MSAL makes a writer loses nothing that another wrote meanwhile", async (stand) => {
  const [first] = stand.within(() => cachePluginsOf(cachePersistence(keyFile)));
  const plugin = await stand.within(() => first.then((made) => made));
  let memory = "{}";
  const tokenCache = {
    serialize: () => memory,
    deserialize(text: string) {
      memory = text || memory;
    },
  };
  await plugin.beforeCacheAccess({ tokenCache, cacheHasChanged: false });
  await (await open(stand)).signIn("ann");
  memory = JSON.stringify({ Account: { ben: { home_account_id: "ben", environment: "login.example" } } });
  await plugin.afterCacheAccess({ tokenCache, cacheHasChanged: true });
  const accounts = Object.values((await (await open(stand)).sections())["Account"] ?? {});
  assert.deepEqual(accounts.map((account) => account.home_account_id).sort(), ["ann.tenant", "ben"]);
});

pluginTest("a look between the two calls of a change waits for its end", async (stand) => {
  const plugin = await stand.within(() => cachePluginsOf(cachePersistence(keyFile))[0].then((made) => made));
  let memory = "{}";
  const tokenCache = {
    serialize: () => memory,
    deserialize(text: string) {
      memory = text;
    },
  };
  const change = { tokenCache, cacheHasChanged: true };
  await plugin.beforeCacheAccess(change);
  memory = JSON.stringify({ Account: { ben: { home_account_id: "ben", environment: "login.example" } } });
  await (await open(stand)).signIn("ann");
  const look = plugin.beforeCacheAccess({ tokenCache, cacheHasChanged: false });
  await open(stand).then((app) => app.users());
  await plugin.afterCacheAccess(change);
  await look;
  const accounts = Object.values((await (await open(stand)).sections())["Account"] ?? {});
  assert.deepEqual(accounts.map((account) => account.home_account_id).sort(), ["ann.tenant", "ben"]);
});

pluginTest("a change whose end never comes holds up no look for ever", async (stand) => {
  const plugin = await stand.within(() => cachePluginsOf(cachePersistence(keyFile))[0].then((made) => made));
  const tokenCache = { serialize: () => "{}", deserialize: () => {} };
  await plugin.beforeCacheAccess({ tokenCache, cacheHasChanged: true });
  await plugin.beforeCacheAccess({ tokenCache, cacheHasChanged: false });
});

pluginTest("an empty text is an empty cache, and takes nothing away", async (stand) => {
  const app = await open(stand);
  const plugin = await stand.within(() => cachePluginsOf(cachePersistence(keyFile))[0].then((made) => made));
  const tokenCache = { serialize: () => "", deserialize: () => {} };
  for (const users of [[], ["ann"]]) {
    const context = { tokenCache, cacheHasChanged: true };
    await plugin.beforeCacheAccess(context);
    await plugin.afterCacheAccess(context);
    assert.deepEqual(await app.users(), users);
    await app.signIn("ann");
  }
});
