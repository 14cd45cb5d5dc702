// Where the plugin's files cannot be had, are damaged, or may lie as they are; and that nothing in them can be read.
import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { type CachePersistenceError, cachePersistence } from "azure-token-cache/plugin";
import { canaryMark, findLeaks, findLeaksIn } from "../../leaks/search.mjs";
import { alice } from "../../stand/directory.ts";
import { type Entra, startEntra } from "../../stand/entra.ts";
import { printedBy } from "../../stand/run.ts";
import type { Stand } from "../store/stand.ts";
import { App, type CachePlugin, cachePluginsOf } from "./msal.mjs";
import { application, keyFile, onStand, pluginTest, run, scope } from "./program.ts";

const nobody = 65_534;
const enabled = { enabled: true };
const unsafe = { enabled: true, unsafeAllowUnencryptedStorage: true };

let entra: Entra;
before(async () => {
  entra = await startEntra();
});
after(() => entra.close());
beforeEach(() => entra.forgetRequests());

/** The files of MSAL's caches. */
function caches(stand: Stand): string[] {
  return stand.files().filter((path) => /\/documents\/[^/]+\/[0-9a-f]{64}$/.test(path));
}

async function open(
  stand: Stand,
  options: object = keyFile,
  persistence: object = enabled,
): Promise<CachePlugin> {
  return stand.within(() => cachePluginsOf(cachePersistence(options), persistence)[0].then((made) => made));
}

async function refusal(promise: Promise<unknown>): Promise<CachePersistenceError> {
  return promise.then(
    () => assert.fail("it was not refused"),
    (error) => error as CachePersistenceError,
  );
}

for (const [damage, change] of [
  ["cut off", (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
  ["a bit flipped", (bytes: Buffer) => bytes.fill((bytes[40] ?? 0) ^ 4, 40, 41)],
  ["foreign", () => Buffer.from('{"AccessToken":{}}')],
] as const) {
  pluginTest(`a damaged file is an empty cache, said once, and replaced: ${damage}`, async (stand) => {
    const task = application(entra, enabled);
    await run(entra, stand, task);
    const [file] = caches(stand);
    writeFileSync(file as string, change(readFileSync(file as string)));
    const twice = { ...task, calls: [{ scope }, { scope: "https://vault.azure.net/.default" }] };
    const { told, warnings } = await run(entra, stand, twice);
    assert.deepEqual(
      told.map(({ error }) => error),
      [undefined, undefined],
    );
    assert.equal(
      warnings.match(/PERSISTENCE_FLAW.*damaged, moved, or sealed with another key/g)?.length,
      1,
      warnings,
    );
    assert.equal(entra.requests().token, 3);
    const after = await run(entra, stand, twice);
    assert.deepEqual(after.told, told);
    assert.equal(after.warnings, "");
    assert.equal(entra.requests().token, 3);
  });
}

pluginTest("no secret can be read in any file, and a search that could read it finds it", async (stand) => {
  entra.control.signedIn = alice;
  const deviceCode = (persistence: object, plugin: object) =>
    run(entra, stand, {
      credential: "DeviceCode",
      options: { ...onStand(entra), tenantId: alice.tenantId, tokenCachePersistenceOptions: persistence },
      plugin: { ...plugin, keepAuthenticationRecord: true },
      calls: [{ scope }],
    });
  await deviceCode(enabled, keyFile);
  const app = new App(await open(stand));
  await app.signIn("ann");
  const sections = await app.sections();
  const entries = Object.values(sections).flatMap((section) => Object.values(section));
  const secrets = entries.flatMap(({ secret }) => secret ?? []);
  assert.ok(
    secrets.some((secret) => secret.startsWith("1.")) &&
      secrets.some((secret) => secret.startsWith(canaryMark)),
  );
  const isReadable = (path: string) =>
    [...secrets, alice.principalName].some((secret) => {
      const bytes = readFileSync(path);
      return (["utf8", "utf16le", "base64", "base64url"] as const).some((form) =>
        bytes.includes(
          form.startsWith("utf") ? Buffer.from(secret, form as "utf8") : Buffer.from(secret).toString(form),
        ),
      );
    });
  assert.deepEqual(findLeaksIn(stand.state), []);
  assert.deepEqual(stand.files().filter(isReadable), []);
  // The same, unsealed.
  await deviceCode(unsafe, { vault: "keychain", directory: join(stand.state, "plain") });
  assert.equal(findLeaksIn(stand.state).length > 0, true);
  assert.ok(stand.files().some(isReadable));
});

pluginTest(
  "an ordinary user without a vault: an error, and with consent files of mode 0600",
  async (stand) => {
    const environment = { HOME: stand.state, XDG_RUNTIME_DIR: "", DBUS_SESSION_BUS_ADDRESS: "" };
    const asUser = async (persistence: object) => {
      const program = new URL("vault.subject.mjs", import.meta.url).pathname;
      const isRoot = process.geteuid?.() === 0;
      const drop = isRoot ? ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"] : ["env"];
      if (isRoot) chownSync(stand.state, nobody, nobody);
      const printed = await printedBy(
        drop[0] as string,
        [...drop.slice(1), process.execPath, program, JSON.stringify(persistence)],
        { env: { ...stand.environment, ...environment } },
      );
      return JSON.parse(printed) as {
        user: number;
        users?: string[];
        name?: string;
        code?: string;
        message?: string;
      };
    };
    const refused = await asUser(enabled);
    assert.notEqual(refused.user, 0);
    assert.deepEqual([refused.name, refused.code], ["CachePersistenceError", "PERSISTENCE_NO_VAULT"]);
    assert.match(refused.message ?? "", /key file: no XDG_RUNTIME_DIR.*unsafeAllowUnencryptedStorage/);
    assert.deepEqual(stand.files(), []);
    assert.deepEqual((await asUser(unsafe)).users, ["ann"]);
    assert.deepEqual((await asUser(unsafe)).users, ["ann"]);
    const [file] = caches(stand);
    assert.equal(statSync(file as string).mode & 0o777, 0o600);
    assert.notDeepEqual(findLeaks(readFileSync(file as string)), []);
  },
);

pluginTest("no error comes before the first use, and then it is typed, each time", async (stand) => {
  const others = join(stand.state, "others");
  mkdirSync(others);
  if (process.geteuid?.() === 0) chownSync(others, nobody, nobody);
  const directory = process.geteuid?.() === 0 ? join(others, "state") : "/state";
  let unhandled = 0;
  const count = () => {
    unhandled += 1;
  };
  process.on("unhandledRejection", count);
  const provided = stand.within(() => cachePluginsOf(cachePersistence({ ...keyFile, directory })));
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", count);
  assert.equal(unhandled, 0);
  for (const cachePlugin of [...provided, ...provided]) {
    const error = await refusal(Promise.resolve(cachePlugin));
    assert.deepEqual([error.name, error.code], ["CachePersistenceError", "PERSISTENCE_MEMORY_ONLY"]);
    assert.match(error.message, /belongs to another user/);
  }
});

pluginTest("@azure/identity passes the error on, before it asks the user to sign in", async (stand) => {
  const task = {
    credential: "DeviceCode",
    options: { ...onStand(entra), tenantId: alice.tenantId, tokenCachePersistenceOptions: enabled },
    plugin: { vault: "keychain" },
    calls: [{ scope }],
  } as const;
  const { told } = await run(entra, stand, task);
  assert.equal(told[0]?.error?.name, "CachePersistenceError");
  assert.equal(told[0]?.prompts, 0);
  assert.equal(entra.requests().total, 0);
});

pluginTest("a sign-in that cannot be written down is an error, and what was there stays", async (stand) => {
  const app = new App(await open(stand));
  await app.signIn("ann");
  const folder = join(stand.state, "azure-token-cache", "documents");
  chmodSync(folder, 0o755);
  const error = await refusal(app.signIn("cid"));
  assert.match(String(error), /others may read or write it.*chmod 700/s);
  assert.doesNotMatch(String(error), new RegExp(canaryMark));
  chmodSync(folder, 0o700);
  assert.deepEqual(await new App(await open(stand)).users(), ["ann"]);
});

pluginTest(
  "on a full disk a sign-in is an error, counts in this process, and is written down with the next one",
  async (stand) => {
    const disk = join(stand.state, "disk");
    mkdirSync(disk);
    const program = new URL("disk.subject.mjs", import.meta.url).pathname;
    const mount = `mount -t tmpfs -o size=128k,mode=700 none ${disk} && exec "$@"`;
    const alone = process.geteuid?.() === 0 ? [] : ["--map-root-user"];
    const printed = await printedBy(
      "unshare",
      ["--mount", ...alone, "--", "sh", "-c", mount, "sh", process.execPath, program, disk],
      { env: stand.environment },
    );
    assert.deepEqual(JSON.parse(printed), {
      code: "PERSISTENCE_SYSTEM",
      inMemory: ["ann", "ben"],
      onDisk: ["ann"],
      after: ["ann", "ben", "cid"],
    });
  },
);

pluginTest("a cache that was cleared is empty, for who has it open too", async (stand) => {
  const persistence = cachePersistence(keyFile);
  const app = new App(await stand.within(() => cachePluginsOf(persistence)[0].then((made) => made)));
  await app.signIn("ann");
  await persistence.clear();
  assert.deepEqual(caches(stand), []);
  assert.deepEqual(await app.users(), []);
  await app.signIn("ben");
  assert.deepEqual(await new App(await open(stand)).users(), ["ben"]);
});

pluginTest("AZURE_TOKEN_CACHE=off keeps nothing", async (stand) => {
  const { told } = await run(entra, stand, application(entra, enabled), { AZURE_TOKEN_CACHE: "off" });
  assert.ok(told[0]?.uti);
  assert.deepEqual(stand.files(), []);
});

for (const [options, option] of [
  [{ folder: "/x" }, "folder"],
  [{ directory: "relative" }, "directory"],
  [{ vault: "keyring" }, "vault"],
  [{ keepAuthenticationRecord: "yes" }, "keepAuthenticationRecord"],
] as const) {
  test(`options that cannot be are refused at once: ${JSON.stringify(options)}`, () => {
    assert.throws(() => cachePersistence(options as object), { name: "OptionError", option });
  });
}

test("the record is had only from a plugin that keeps it", async () => {
  await assert.rejects(cachePersistence().authenticationRecord(), { option: "keepAuthenticationRecord" });
  assert.throws(() => cachePersistence()({}), { name: "OptionError", option: "context" });
});
