// One store in several processes and threads: what one saves the others have, and what ends lets go.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { kept, key, Stand, tokenOf } from "./stand.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const subject = fileURLToPath(new URL("process.subject.ts", import.meta.url));

/** A process that a test started; killed at the end of its block. */
class Started implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  readonly #lines: AsyncIterator<string>;

  constructor(program: string, args: readonly string[], environment: Record<string, string>) {
    this.#child = spawn(program, args, { cwd: root, env: environment, stdio: ["ignore", "pipe", "inherit"] });
    this.#ended = once(this.#child, "exit");
    this.#lines = createInterface({ input: this.#child.stdout as NonNullable<ChildProcess["stdout"]> })[
      Symbol.asyncIterator
    ]();
  }

  async says(): Promise<string | undefined> {
    const { value } = await this.#lines.next();
    return value;
  }

  async exitCode(): Promise<unknown> {
    return (await this.#ended)[0];
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

function start(stand: Stand, ...deed: string[]): Started {
  const environment = { ...stand.environment, UV_THREADPOOL_SIZE: "1" };
  return new Started(process.execPath, ["--import", "tsx", subject, ...deed], environment);
}

/** Holds the lock under which tokens are replaced, as a process does that was stopped in the middle of it. */
async function stopAllSaves(stand: Stand): Promise<Started> {
  const file = stand.files().find((path) => path.endsWith("/store/lock"));
  assert.ok(file);
  const program = `
import fcntl, signal, sys
lock = open(sys.argv[1], "r+b")
fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 2 << 56)
print("held", flush=True)
signal.pause()`;
  const holder = new Started("python3", ["-c", program, file], stand.environment);
  assert.equal(await holder.says(), "held");
  return holder;
}

function storeTest(name: string, body: (stand: Stand) => Promise<void>): void {
  test(name, { timeout: 60_000 }, async () => {
    using stand = new Stand();
    await body(stand);
  });
}

storeTest("a process with an open store ends by itself", async (stand) => {
  await using other = start(stand, "open");
  assert.equal(await other.says(), "open");
  assert.equal(await other.exitCode(), 0);
});

for (const deed of ["save-and-return", "save-and-exit"]) {
  storeTest(`what a process was still saving when it ended is kept: ${deed}`, async (stand) => {
    const store = stand.open();
    await store.save(key, tokenOf("before"), undefined);
    await using holder = await stopAllSaves(stand);
    await using other = start(stand, deed, "kept", stand.entries()[0] as string);
    assert.equal(await other.says(), "saving");
    await holder.kill();
    assert.equal(await other.says(), "kept");
    assert.equal(await other.exitCode(), 0);
    assert.equal(await kept(store), "kept");
  });
}

storeTest("a process that ends does not wait for ever for a save that is stopped", async (stand) => {
  const store = stand.open();
  await store.save(key, tokenOf("before"), undefined);
  await using holder = await stopAllSaves(stand);
  await using other = start(stand, "save-and-exit", "after", stand.entries()[0] as string);
  assert.deepEqual([await other.says(), await other.says()], ["saving", "lost"]);
  assert.equal(await other.exitCode(), 0);
  await holder.kill();
  assert.equal(await kept(store), "before");
});

storeTest("a lock that another process holds is taken, and free once that was killed", async (stand) => {
  const store = stand.open();
  await using other = start(stand, "hold");
  assert.equal(await other.says(), "held");
  assert.equal(await store.tryLock(key, 0), undefined);
  await using third = start(stand, "hold");
  assert.equal(await third.says(), "taken");
  await other.kill();
  const lock = await store.tryLock(key, 0);
  assert.ok(lock);
  await lock.release();
});

storeTest("a process that ends with a lock frees it", async (stand) => {
  await using other = start(stand, "end-with-lock");
  assert.equal(await other.exitCode(), 0);
  assert.ok(await stand.open().tryLock(key, 0));
});

storeTest("a save that waits stops neither the event loop nor the thread pool", async (stand) => {
  const store = stand.open();
  await store.save(key, tokenOf("before"), undefined);
  await using holder = await stopAllSaves(stand);
  await using other = start(stand, "save-behind-lock", "after");
  assert.equal(await other.says(), "works");
  await holder.kill();
  assert.equal(await other.says(), "true");
  assert.equal(await kept(store), "after");
});

storeTest("a save that waits too long says who is in the way", async (stand) => {
  const store = stand.open();
  await store.save(key, tokenOf("before"), undefined);
  await using _holder = await stopAllSaves(stand);
  await assert.rejects(store.save(key, tokenOf("late"), undefined), {
    name: "PersistentStoreError",
    code: "STORE_LOCKED",
    message: /another process held its lock.*stopped process/,
  });
  assert.equal(await kept(store), "before");
});

storeTest("a lock that the program has lost is free again", async (stand) => {
  const store = stand.open();
  assert.ok(await store.tryLock(key, 0));
  let again: unknown;
  await collectUntil(async () => {
    again = await store.tryLock(key, 0);
    return again !== undefined;
  });
});

storeTest("stores that the program has lost end their threads", async (stand) => {
  const threads = () => readdirSync("/proc/self/task").length;
  await stand.open().load(key);
  const before = threads();
  for (let count = 0; count < 20; count++) await stand.open().load(key);
  await collectUntil(async () => threads() <= before);
});

/** Collects what the program has lost, until something is so. */
async function collectUntil(isSo: () => Promise<boolean>): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let turn = 0; turn < 1_000; turn++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
    if (await isSo()) return;
  }
  assert.fail("nothing was let go of");
}

storeTest("threads share a store, and one that is ended lets go of its lock", async (stand) => {
  const store = stand.open();
  const worker = new Worker(new URL("thread.subject.mjs", import.meta.url), { env: stand.environment });
  const [said] = await once(worker, "message");
  assert.equal(said, "held");
  assert.equal(await kept(store), "of a thread");
  assert.equal(await store.tryLock(key, 0), undefined);
  await worker.terminate();
  assert.ok(await store.tryLock(key, 0));
});

storeTest("many processes at once make one key, and one of them has the lock", async (stand) => {
  const others = Array.from({ length: 6 }, () => start(stand, "hold"));
  try {
    const said = await Promise.all(others.map((other) => other.says()));
    assert.deepEqual(said.sort(), ["held", ...Array(5).fill("taken")]);
    const folders = stand.files().filter((path) => path.includes("/store/keys/"));
    assert.equal(folders.length, 1);
  } finally {
    await Promise.all(others.map((other) => other.kill()));
  }
});
