// persistentStore: what it is given, where it cannot be had, and what it leaves on disk.
import assert from "node:assert/strict";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";
import type { TokenStore } from "azure-token-cache";
import { PersistentStoreError, persistentStore } from "azure-token-cache/node";
import { fakeToken, findLeaks, findLeaksIn } from "../../leaks/search.mjs";
import { kept, key, Stand, tokenOf } from "./stand.ts";

const secret = fakeToken("of a store");

function storeTest(name: string, body: (stand: Stand) => Promise<void>): void {
  test(name, async () => {
    using stand = new Stand();
    await body(stand);
  });
}

/** Every method of a store that cannot be had, with a token where one is taken. */
function callsOf(store: TokenStore): Record<string, () => Promise<unknown>> {
  const login = { account: "", session: "" };
  const failure = { failedAt: 1, name: "Error", message: "m", network: false, login };
  return {
    load: () => store.load(key),
    tryLock: () => store.tryLock(key, 0),
    save: () => store.save(key, tokenOf("of a store"), undefined),
    saveFailure: () => store.saveFailure(key, failure),
    invalidate: () => store.invalidate(key),
    clear: () => store.clear(),
  };
}

/** What each of them rejects with: an error of this code and message, without the token. */
async function isRefused(store: TokenStore, code: string, message: RegExp): Promise<void> {
  for (const [method, call] of Object.entries(callsOf(store))) {
    const error = await call().then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(error instanceof PersistentStoreError, `${method}: ${inspect(error)}`);
    assert.equal(error.code, code, method);
    assert.match(error.message, message, method);
    assert.deepEqual(findLeaks(Buffer.from(inspect(error, { showHidden: true, depth: 9 }))), [], method);
  }
}

for (const [options, option] of [
  [{ folder: "/x" }, "folder"],
  [{ directory: "relative" }, "directory"],
  [{ directory: 1 }, "directory"],
  [{ vault: "keyring" }, "vault"],
  [{ unsafeAllowUnencryptedStorage: "yes" }, "unsafeAllowUnencryptedStorage"],
  [{ name: "" }, "name"],
  [{ name: ".." }, "name"],
  [{ name: "a/b" }, "name"],
  [{ name: "x".repeat(65) }, "name"],
  [null, "options"],
] as const) {
  test(`options that cannot be are refused when the store is made: ${JSON.stringify(options)}`, () => {
    assert.throws(() => persistentStore(options as object), { code: "INVALID_OPTION", option });
  });
}

storeTest("a store that is made and not used leaves nothing", async (stand) => {
  stand.open();
  assert.deepEqual(stand.files(), []);
});

storeTest("a look and a clearing leave nothing either", async (stand) => {
  const store = stand.open();
  await store.load(key);
  await store.invalidate(key);
  await store.clear();
  assert.deepEqual(stand.files(), []);
});

storeTest("stores of two names share nothing", async (stand) => {
  await stand.open({ vault: "key-file", name: "one" }).save(key, tokenOf("one"), undefined);
  const other = stand.open({ vault: "key-file", name: "two" });
  assert.equal((await other.load(key)).token, undefined);
});

storeTest("a folder from the environment counts, and the option before it", async (stand) => {
  const folders = { environment: join(stand.state, "environment"), option: join(stand.state, "option") };
  const before = { ...process.env };
  Object.assign(process.env, {
    XDG_RUNTIME_DIR: stand.runtime,
    AZURE_TOKEN_CACHE_DIRECTORY: folders.environment,
    AZURE_TOKEN_CACHE_VAULT: "key-file",
  });
  const [named, chosen] = [persistentStore(), persistentStore({ directory: folders.option })];
  for (const name of ["XDG_RUNTIME_DIR", "AZURE_TOKEN_CACHE_DIRECTORY", "AZURE_TOKEN_CACHE_VAULT"]) {
    delete process.env[name];
    if (before[name] !== undefined) process.env[name] = before[name];
  }
  await named.save(key, tokenOf("t"), undefined);
  assert.deepEqual([existsSync(folders.environment), existsSync(folders.option)], [true, false]);
  await chosen.save(key, tokenOf("t"), undefined);
  assert.ok(existsSync(folders.option));
  const [record] = stand.files().filter((path) => path.includes("/keys/"));
  assert.match(readFileSync(record as string, "utf8"), /key-file/);
});

storeTest(
  "the vault auto is this system's first that works, whatever the environment names",
  async (stand) => {
    const inKeyring = stand.openAt("keyring", "kernel-keyring");
    const first = await inKeyring.save(key, tokenOf("t"), undefined).then(
      () => "kernel-keyring",
      () => "key-file",
    );
    const environment = { DBUS_SESSION_BUS_ADDRESS: "", AZURE_TOKEN_CACHE_VAULT: "keychain" };
    const directory = join(stand.state, "chosen");
    const open = () => stand.within(() => persistentStore({ directory, vault: "auto" }), environment);
    await open().save(key, tokenOf("kept"), undefined);
    assert.equal(await kept(open()), "kept");
    const [record] = stand.files().filter((path) => /\/chosen\/.*\/keys\//.test(path));
    const { keys } = JSON.parse(readFileSync(record as string, "utf8"));
    assert.deepEqual(
      keys.map(({ vault }: { vault: string }) => vault),
      [first],
    );
  },
);

storeTest("without an addon each call says so", async (stand) => {
  const before = process.env["ATC_ADDON"];
  process.env["ATC_ADDON"] = "off";
  try {
    await isRefused(stand.open(), "STORE_NO_ADDON", /no native addon for .* on .*leave out the option store/);
  } finally {
    delete process.env["ATC_ADDON"];
    if (before !== undefined) process.env["ATC_ADDON"] = before;
  }
});

storeTest("where no vault takes a key each call says which was asked, and what to do", async (stand) => {
  const store = stand.open({ vault: "keychain" });
  await isRefused(store, "STORE_NO_VAULT", /Keychain: not on this system.*unsafeAllowUnencryptedStorage/);
  assert.deepEqual(stand.files(), []);
});

storeTest("a folder of another user's is not written to", async (stand) => {
  const others = process.geteuid?.() === 0 ? join(stand.state, "others") : "/";
  if (others !== "/") {
    mkdirSync(others);
    chownSync(others, 65_534, 65_534);
  }
  const store = stand.open({ vault: "key-file", directory: join(others, "state") });
  await isRefused(store, "STORE_MEMORY_ONLY", /belongs to another user.*pass as directory/);
});

storeTest("a folder that others may write to holds no token", async (stand) => {
  const folder = join(stand.state, "azure-token-cache");
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  await isRefused(stand.open(), "STORE_FOLDER", /others may read or write it.*chmod 700/);
});

storeTest("a damaged file is as none, said once, and a save replaces it", async (stand) => {
  const store = stand.open();
  await store.save(key, tokenOf("t"), undefined);
  const [entry] = stand.entries();
  const bytes = readFileSync(entry as string);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  writeFileSync(entry as string, bytes);
  const looks = [await store.load(key), await store.load(key)] as { flaw?: string; token?: unknown }[];
  assert.deepEqual(
    looks.map(({ token }) => token),
    [undefined, undefined],
  );
  assert.match(String(looks[0]?.flaw), /damaged/);
  assert.equal(looks[1]?.flaw, undefined);
  assert.equal(await store.save(key, tokenOf("u"), undefined), true);
  assert.equal(await kept(store), "u");
});

storeTest("no file and no name holds a token", async (stand) => {
  const store = stand.open();
  await store.save(key, { ...tokenOf("of a store"), extra: { again: secret } }, undefined);
  assert.equal((await store.load(key)).token?.token, secret);
  assert.notEqual(stand.files().length, 0);
  for (const folder of [stand.state, stand.runtime]) assert.deepEqual(findLeaksIn(folder), []);
  assert.deepEqual(findLeaks(Buffer.from(stand.files().join("\n"))), []);
});

storeTest(
  "an unencrypted store is used only where it is asked for, and holds tokens as they are",
  async (stand) => {
    const store = stand.open({ vault: "keychain", unsafeAllowUnencryptedStorage: true });
    await store.save(key, tokenOf("of a store"), undefined);
    assert.equal((await store.load(key)).token?.token, secret);
    assert.notEqual(findLeaksIn(stand.state).length, 0);
  },
);

storeTest("a store that is asked to keep what no JSON is keeps nothing", async (stand) => {
  const store = stand.open();
  const extra: Record<string, unknown> = {};
  extra["self"] = extra;
  await assert.rejects(store.save(key, { ...tokenOf("t"), extra }, undefined), TypeError);
  assert.equal((await store.load(key)).token, undefined);
});

storeTest("a key that is no list of parts is refused", async (stand) => {
  await assert.rejects(stand.open().load(new Uint8Array([1])), /no key/);
});
