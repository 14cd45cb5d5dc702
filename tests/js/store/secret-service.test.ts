// persistentStore with its key in a desktop's keyring: the real gnome-keyring, in a session of its own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PersistentStoreError } from "azure-token-cache/node";
import { Desktop } from "../../stand/desktop.ts";
import { kept, key, Stand, tokenOf } from "./stand.ts";

const limits = { timeout: 60_000 };
const busVariable = "DBUS_SESSION_BUS_ADDRESS";

test(
  "a desktop's keyring keeps the key for all, and while it is locked there is no store",
  limits,
  async () => {
    using stand = new Stand();
    await using desktop = await Desktop.start(stand.runtime);
    using _ = onBus(desktop.environment[busVariable]);
    const open = () => stand.open({ vault: "secret-service" });
    await open().save(key, tokenOf("kept"), undefined);
    assert.equal(await kept(open()), "kept");
    assert.equal(stand.entries().length, 1);
    await desktop.lock();
    await assert.rejects(open().load(key), (error) => {
      assert.ok(error instanceof PersistentStoreError);
      assert.equal(error.code, "STORE_NO_VAULT");
      assert.match(error.message, /Secret Service: locked/i);
      return true;
    });
  },
);

/** Puts this process on a session bus until the end of the block. */
function onBus(address: string | undefined): Disposable {
  const before = process.env[busVariable];
  const set = (value: string | undefined) => {
    if (value === undefined) delete process.env[busVariable];
    else process.env[busVariable] = value;
  };
  set(address);
  return { [Symbol.dispose]: () => set(before) };
}
