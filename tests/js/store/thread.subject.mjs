// A thread with a store: saves a token, holds the lock, says so, and stays.
import { parentPort } from "node:worker_threads";
import { entryKey } from "azure-token-cache";
import { persistentStore } from "azure-token-cache/node";
import { fakeToken } from "../../leaks/search.mjs";

const store = persistentStore({ vault: "key-file" });
const key = entryKey(["test", "entry"]);
const now = Date.now();
const login = { account: "a", session: "s" };
await store.save(
  key,
  { token: fakeToken("of a thread"), expiresAt: now + 3_600_000, acquiredAt: now, login },
  undefined,
);
globalThis.lock = await store.tryLock(key, 0);
parentPort?.postMessage(globalThis.lock === undefined ? "taken" : "held");
setInterval(() => {}, 2 ** 30);
