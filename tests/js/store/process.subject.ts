// A process with a store, as a test starts it: does what its arguments say, and says so, a line for each.
import { pbkdf2 } from "node:crypto";
import { statSync } from "node:fs";
import { setTimeout as timeout } from "node:timers/promises";
import { promisify } from "node:util";
import { persistentStore } from "azure-token-cache/node";
import { key, tokenOf } from "./stand.ts";

const store = persistentStore({ vault: "key-file" });
const [deed, text = "", file = ""] = process.argv.slice(2);

const deeds: Readonly<Record<string, () => Promise<void>>> = {
  /** Opens the store, and has nothing more to do. */
  async open() {
    await store.load(key);
    console.log("open");
  },

  /** Holds the lock until it is killed. Lost, it would be free. */
  async hold() {
    const lock = await store.tryLock(key, 0);
    console.log(lock === undefined ? "taken" : "held");
    await new Promise(() => setInterval(() => lock, 2 ** 30));
  },

  /** Ends with a lock in hand, as a program does that has an error. */
  async "end-with-lock"() {
    await store.tryLock(key, 0);
    process.exit(0);
  },

  /** Does not wait until its token is kept; says at the very end whether it was, by the file that a save replaces. */
  async "save-and-exit"() {
    const before = statSync(file).ino;
    void store.save(key, tokenOf(text), undefined);
    process.on("exit", () => console.log(statSync(file).ino === before ? "lost" : "kept"));
    console.log("saving");
    process.exit(0);
  },

  /** As a program does that has nothing more to do. */
  async "save-and-return"() {
    const before = statSync(file).ino;
    process.on("exit", () => console.log(statSync(file).ino === before ? "lost" : "kept"));
    void store.save(key, tokenOf(text), undefined);
    console.log("saving");
  },

  /** Keeps a token while somebody holds the lock for saving; until then timers and the one thread of the pool work. */
  async "save-behind-lock"() {
    let isSaved = false;
    const save = store.save(key, tokenOf(text), undefined).finally(() => {
      isSaved = true;
    });
    for (let tick = 0; tick < 20; tick++) await timeout(1);
    await promisify(pbkdf2)("", "", 1, 1, "sha256");
    console.log(isSaved ? "saved" : "works");
    console.log(await save.then(String, ({ code }: { code?: string }) => code));
  },
};

await deeds[deed as string]?.();
