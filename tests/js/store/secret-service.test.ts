// persistentStore with its key in a desktop's keyring: the real gnome-keyring, in a session of its own; and a bus that is mute.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { TokenStore } from "azure-token-cache";
import { PersistentStoreError, persistentStore } from "azure-token-cache/node";
import { Desktop } from "../../stand/desktop.ts";
import { kept, key, Stand, tokenOf } from "./stand.ts";

const limits = { timeout: 60_000 };
const busVariable = "DBUS_SESSION_BUS_ADDRESS";

/** A bus that takes connections, and answers nothing. */
class MuteBus implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly address: string;

  constructor(stand: Stand) {
    const path = join(stand.runtime, "mute-bus");
    this.address = `unix:path=${path}`;
    this.#server = createServer((socket) => this.#sockets.add(socket)).listen(path);
  }

  /** Settles in a turn of the event loop after somebody has connected. */
  async isAsked(): Promise<void> {
    await once(this.#server, "connection");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

for (const [method, ask] of Object.entries({
  load: (store) => store.load(key),
  tryLock: (store) => store.tryLock(key, 0),
  save: (store) => store.save(key, tokenOf("t"), undefined),
  invalidate: (store) => store.invalidate(key),
  clear: (store) => store.clear(),
} satisfies Record<string, (store: TokenStore) => Promise<unknown>>)) {
  test(
    `the event loop goes on while ${method} waits for a keyring that does not answer`,
    limits,
    async () => {
      using stand = new Stand();
      await using bus = new MuteBus(stand);
      const open = () =>
        stand.within(() => persistentStore({ vault: "secret-service" }), {
          DBUS_SESSION_BUS_ADDRESS: bus.address,
        });
      let wentOn = false;
      // The vault is given up soon, and a busy machine may not come to it: a loop that is held up never does.
      for (let tries = 0; tries < 5 && !wentOn; tries++) {
        let refusal: unknown;
        const asked = ask(open()).catch((error: unknown) => {
          refusal = error;
        });
        await bus.isAsked();
        wentOn = refusal === undefined;
        await asked;
        assert.ok(refusal instanceof PersistentStoreError);
        assert.match(refusal.message, /Secret Service: no answer in time/);
      }
      assert.ok(wentOn);
    },
  );
}

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
