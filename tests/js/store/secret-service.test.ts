// persistentStore with its key in a desktop's keyring: the real gnome-keyring, in a session of its own.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { PersistentStoreError } from "azure-token-cache/node";
import { key, Stand, tokenOf } from "./stand.ts";

const limits = { timeout: 60_000 };

/** A session bus, and on it a gnome-keyring that was unlocked with a password. */
class Desktop implements AsyncDisposable {
  readonly #processes: ChildProcess[] = [];
  readonly #environment: NodeJS.ProcessEnv;
  readonly #before = process.env["DBUS_SESSION_BUS_ADDRESS"];

  constructor(stand: Stand) {
    const { PATH } = process.env;
    this.#environment = { PATH, HOME: stand.runtime, XDG_RUNTIME_DIR: stand.runtime };
  }

  async start(): Promise<void> {
    const bus = this.#spawn("dbus-daemon", ["--session", "--nofork", "--print-address"]);
    const [address] = (await once(createInterface({ input: bus.stdout as never }), "line")) as [string];
    this.#environment["DBUS_SESSION_BUS_ADDRESS"] = address;
    process.env["DBUS_SESSION_BUS_ADDRESS"] = address;
    const keyring = this.#spawn("gnome-keyring-daemon", ["--unlock", "--components=secrets", "--foreground"]);
    keyring.stdin?.end("password");
  }

  async lock(): Promise<void> {
    const to = ["--session", "--print-reply=literal", "--dest=org.freedesktop.secrets"];
    const call = ["/org/freedesktop/secrets", "org.freedesktop.Secret.Service.Lock"];
    const what = "array:objpath:/org/freedesktop/secrets/aliases/default";
    const [code] = await once(this.#spawn("dbus-send", [...to, ...call, what]), "exit");
    assert.equal(code, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#before === undefined) delete process.env["DBUS_SESSION_BUS_ADDRESS"];
    else process.env["DBUS_SESSION_BUS_ADDRESS"] = this.#before;
    for (const child of this.#processes.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  }

  #spawn(program: string, args: readonly string[]): ChildProcess {
    const child = spawn(program, args, { env: this.#environment, stdio: ["pipe", "pipe", "ignore"] });
    this.#processes.push(child);
    return child;
  }
}

test(
  "a desktop's keyring keeps the key for all, and while it is locked there is no store",
  limits,
  async () => {
    using stand = new Stand();
    await using desktop = new Desktop(stand);
    await desktop.start();
    const open = () => stand.open({ vault: "secret-service" });
    await untilTheKeyringAnswers(() => open().load(key));
    await open().save(key, tokenOf("kept"), undefined);
    assert.equal((await open().load(key)).token?.token, "kept");
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

async function untilTheKeyringAnswers(ask: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const refusal = await ask().then(
      () => undefined,
      (error: unknown) => error,
    );
    if (refusal === undefined) return;
    assert.equal((refusal as PersistentStoreError).code, "STORE_NO_VAULT");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
