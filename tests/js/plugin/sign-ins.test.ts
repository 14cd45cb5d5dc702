// Who signed in last: whom the plugin remembers, for which application, and whom it forgets.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type CachePersistence, cachePersistence } from "azure-token-cache/plugin";
import { Stand } from "../store/stand.ts";
import { App, cachePluginsOf } from "./msal.mjs";

const desktop = "11111111-2222-4333-8444-555555555555";
const phone = "66666666-7777-4888-8999-aaaaaaaaaaaa";

interface Scene {
  readonly stand: Stand;
  readonly persistence: CachePersistence;
  /** An application of its own process, as it were. */
  open(clientId?: string, cae?: boolean): Promise<App>;
  /** Who is remembered. */
  last(which?: { clientId?: string; name?: string }): Promise<string | undefined>;
}

function signInTest(name: string, body: (scene: Scene) => Promise<void>): void {
  test(name, { timeout: 60_000 }, async () => {
    using stand = new Stand();
    const options = { vault: "key-file", keepAuthenticationRecord: true } as const;
    const persistence = stand.within(() =>
      cachePersistence({ ...options, directory: `${stand.state}/tokens` }),
    );
    const within = <T>(make: () => PromiseLike<T>) => stand.within(() => make().then((made) => made));
    await body({
      stand,
      persistence,
      open: async (clientId = desktop, cae = false) =>
        new App(
          await within(
            () => cachePluginsOf(persistence)[cae ? 1 : 0] as ReturnType<typeof cachePluginsOf>[0],
          ),
          clientId,
        ),
      last: async (which = {}) => (await within(() => persistence.authenticationRecord(which)))?.username,
    });
  });
}

signInTest("the last of several, whichever cache it came to", async ({ open, last }) => {
  assert.equal(await last(), undefined);
  await (await open()).signIn("ann");
  assert.equal(await last(), "ann");
  const other = await open(desktop, true);
  await other.signIn("ben");
  assert.equal(await last(), "ben");
  assert.equal(await (await open()).refresh("ann"), true);
  assert.equal(await last(), "ann", "who was used last signs in silently");
});

signInTest("each application has its own", async ({ open, last }) => {
  await (await open(desktop)).signIn("ann");
  await (await open(phone)).signIn("ben");
  assert.equal(await last({ clientId: desktop }), "ann");
  assert.equal(await last({ clientId: phone }), "ben");
  assert.equal(await last({ clientId: "__proto__" }), undefined);
  assert.equal(await last(), "ben");
  assert.equal(await last({ name: "another cache" }), undefined);
});

signInTest("who was signed out is forgotten, and nobody else", async ({ open, last }) => {
  const app = await open();
  await app.signIn("ann");
  await (await open(phone)).signIn("ben");
  await app.signOut("ben");
  assert.equal(await last(), "ann");
  await app.signOut("ann");
  assert.equal(await last(), undefined);
});

signInTest("a token that is refreshed for the same one writes nothing new", async ({ stand, open, last }) => {
  const app = await open();
  await app.signIn("ann");
  const files = () => stand.files().filter((path) => /\/[0-9a-f]{64}$/.test(path));
  const versions = () => files().map((path) => readFileSync(path, "hex"));
  const before = versions();
  assert.equal(before.length, 2);
  assert.equal(await app.refresh("ann"), true);
  assert.equal(
    versions().filter((version) => before.includes(version)).length,
    1,
    "only MSAL's cache changed",
  );
  assert.equal(await last(), "ann");
});

signInTest("clear() forgets", async ({ persistence, open, last }) => {
  await (await open()).signIn("ann");
  await persistence.clear();
  assert.equal(await last(), undefined);
});
