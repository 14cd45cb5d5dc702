// Memory is bounded: entries, the tree of requests, and what a fetch leaves behind.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TokenCache } from "azure-token-cache";
import { RequestTree } from "../../../wasm/ts/request-tree.ts";
import { Slot } from "../../../wasm/ts/slot.ts";
import { scope, textOf, wrapped } from "./wrapped.ts";

describe("maxEntries", () => {
  it("keeps the entries used last", async () => {
    const { credential, clock, source } = wrapped([], { maxEntries: 3 });
    for (const name of ["a", "b", "c", "a", "d"]) {
      await credential.getToken(name);
      await clock.advance(60_000);
    }
    assert.equal(source.calls.length, 4);
    assert.equal(await textOf(credential.getToken("a")), "token-1");
    assert.equal(await textOf(credential.getToken("b")), "token-5");
  });

  it("bounds what a cache holds", async () => {
    const { source, clock } = wrapped();
    const cache = new TokenCache({ maxEntries: 10, clock });
    const credential = cache.wrap(source, { identity: "fixed" });
    for (let n = 0; n < 200; n += 1) await credential.getToken(`scope-${n}`);
    assert.ok(cache.stats().entries <= 10);
  });

  it("that are all in flight send further requests past the cache", async () => {
    const { credential, clock, source, events } = wrapped([{ delayMs: 10 }, { delayMs: 10 }], {
      maxEntries: 2,
    });
    const flying = [credential.getToken("a"), credential.getToken("b")];
    const options = { tenantId: "t" };
    assert.equal(await textOf(credential.getToken("c", options)), "token-1");
    assert.equal(source.calls[2]?.options, options);
    assert.equal(events.at(-1)?.type, "passed-by");
    await clock.advance(10);
    await Promise.all(flying);
    await credential.getToken("c");
    assert.equal(await textOf(credential.getToken("c")), "token-4");
  });

  it("never serves a request that was evicted, then invalidated", async () => {
    const { credential } = wrapped([], { maxEntries: 1 });
    const first = await textOf(credential.getToken("a"));
    await credential.getToken("a");
    await credential.getToken("b");
    await credential.invalidate();
    assert.notEqual(await textOf(credential.getToken("a")), first);
  });
});

describe("the tree of requests", () => {
  it("forgets when it is full, and the engine still knows", async () => {
    const { credential, source } = wrapped([], { maxEntries: 100_000 });
    for (let n = 0; n < 1_000; n += 1) await credential.getToken([scope, `s${n}`].slice(0, 1 + (n % 2)));
    await credential.getToken(scope);
    assert.equal(source.calls.length, 501);
  });

  it("stays within its limit", () => {
    const tree = new RequestTree(10);
    for (let n = 0; n < 100; n += 1) tree.put([`s${n}`], undefined, false, slotNumbered(n));
    assert.ok(tree.roots.size <= 10);
    assert.equal(tree.find("s0", undefined, false), undefined);
    assert.notEqual(tree.find(["s99"], undefined, false), undefined);
  });

  it("keeps every request apart, in whatever order they come", () => {
    const requests = [
      [["a"], undefined, false],
      [["a"], undefined, true],
      [["a"], "t", false],
      [["a"], "t", true],
      [["a"], "u", false],
      [["a", "b"], undefined, false],
      [["a", "b"], "t", true],
      [["a", "c"], undefined, false],
      [["a", "b", "c"], undefined, false],
    ] as const;
    for (let turn = 0; turn < requests.length; turn += 1) {
      const tree = new RequestTree(100);
      const order = [...requests.slice(turn), ...requests.slice(0, turn)];
      // Twice: a request's later slot takes the place of its former one.
      for (const pass of [0, 1]) {
        const slots = order.map((_, n) => slotNumbered(100 * pass + n));
        for (const [n, [scopes, tenantId, cae]] of order.entries())
          tree.put(scopes, tenantId, cae, slots[n] as Slot);
        for (const [n, [scopes, tenantId, cae]] of order.entries())
          assert.equal(tree.find(scopes, tenantId, cae), slots[n], `${scopes} ${tenantId} ${cae}`);
      }
      assert.equal(tree.find(["a", "c"], undefined, true), undefined);
      assert.equal(tree.find(["a", "c"], "t", false), undefined);
      assert.equal(tree.find(["a", "c", "b"], undefined, false), undefined);
    }
  });
});

function slotNumbered(entry: number): Slot {
  return new Slot(entry, {} as never, "s", { tenantId: undefined, cae: false, claims: undefined });
}
