// What only a cache with a store needs is imported when a run first needs it, and meanwhile its caller may go away.
import assert from "node:assert/strict";
import module, { register } from "node:module";
import { it } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { type TokenStore, withTokenCache } from "azure-token-cache";
import { MemoryTokenStore } from "azure-token-cache/testing";
import { errorOf, scope } from "./wrapped.ts";

type Load = (url: string, context: object, next: (url: string, context: object) => unknown) => unknown;

/** Newer Node's hooks, which are called where the import is. */
const { registerHooks } = module as { registerHooks?: (hooks: { load: Load }) => void };

/** A hook in a thread of its own, as older Node has it: it says when the file is imported, and waits for the answer. */
const hooks = `import { once } from "node:events";
  let port;
  export function initialize(data) { port = data.port; }
  export async function load(url, context, next) {
    if (!url.endsWith("/dist/store.js")) return next(url, context);
    port.postMessage("imported");
    await once(port, "message");
    return next(url, context);
  }`;

/** Calls it while the file is being imported. */
function duringImport(act: () => void): void {
  if (registerHooks !== undefined) {
    registerHooks({
      load(url, context, next) {
        if (url.endsWith("/dist/store.js")) act();
        return next(url, context);
      },
    });
    return;
  }
  const { port1, port2 } = new MessageChannel();
  register(`data:text/javascript,${encodeURIComponent(hooks)}`, {
    data: { port: port2 },
    transferList: [port2],
  });
  port1.once("message", () => {
    act();
    port1.postMessage("go on");
    port1.close();
  });
}

it("a run that nobody wants when the import is over takes no lock and calls no credential", async () => {
  const leaves = new AbortController();
  duringImport(() => leaves.abort());
  const store = new MemoryTokenStore();
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
