// What only a cache with a store needs is imported when a run first needs it, and meanwhile its caller may go away.
import assert from "node:assert/strict";
import { it } from "node:test";
import { type TokenStore, withTokenCache } from "azure-token-cache";
import { MemoryTokenStore } from "azure-token-cache/testing";
import { errorOf, scope } from "./wrapped.ts";

it("a run that nobody wants when the import is over takes no lock and calls no credential", async () => {
  const store = new MemoryTokenStore();
  const leaves = new AbortController();
  const load = store.load.bind(store);
  store.load = (key) => {
    // The import begins in this turn of the event loop, and reads a file.
    setImmediate(() => leaves.abort());
    return load(key);
  };
  const asked: string[] = [];
  store.tryLock = async () => {
    asked.push("lock");
    return undefined;
  };
  const credential = (other: TokenStore, name: string) => {
    const source = {
      async getToken() {
        asked.push(name);
        return null;
      },
    };
    return withTokenCache(source, { store: other, partition: "p", identity: "fixed" });
  };
  const left = credential(store, "left").getToken(scope, { abortSignal: leaves.signal });
  assert.equal(((await errorOf(left)) as Error).name, "AbortError");
  // It awaits the same import, later.
  await credential(new MemoryTokenStore(), "next").getToken(scope);
  assert.deepEqual(asked, ["next"]);
});
