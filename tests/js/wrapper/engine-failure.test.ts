// What is left of a cache when its engine cannot go on: everything but the tokens.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withTokenCache } from "azure-token-cache";
import { hour, wrapped } from "./wrapped.ts";

describe("a caller's own recursion", { timeout: 60_000 }, () => {
  const source = { getToken: async () => ({ token: "t", expiresOnTimestamp: Date.now() + hour }) };
  const wrappers = {
    "nobody watches": () => withTokenCache(source, { identity: "fixed" }),
    "is watched now and then": () => withTokenCache(source),
    "is on a clock of its own": () => wrapped([], { maxEntries: 100 }).credential,
  };
  for (const [what, make] of Object.entries(wrappers))
    it(`that ends anywhere in a call leaves the cache as it was, where the credential ${what}`, async () => {
      // Each start meets the end of the stack at another place of the call.
      const nearTheEnd = Math.floor(levels() * 0.9);
      for (let start = nearTheEnd; start < nearTheEnd + 12; start += 1) {
        const credential = make();
        const outcomes: Promise<unknown>[] = [];
        assert.throws(() => descend(start, () => dive(credential, outcomes)), RangeError);
        await Promise.all(outcomes);
        const after = await credential.getToken("after");
        assert.notEqual(after, null);
        assert.equal(await credential.getToken("after"), after);
        await credential.close();
      }
    });

  /** A new request at every depth. */
  function dive(
    credential: { getToken(scope: string): Promise<unknown> },
    outcomes: Promise<unknown>[],
  ): void {
    const outcome = credential.getToken(`scope-${outcomes.length}`);
    outcomes.push(
      outcome.then(
        () => {},
        (error: unknown) => assert.ok(error instanceof RangeError, String((error as Error).stack)),
      ),
    );
    dive(credential, outcomes);
  }

  function descend(depth: number, atTheEnd: () => void): void {
    if (depth === 0) atTheEnd();
    else descend(depth - 1, atTheEnd);
  }

  /** How deep the stack is, in calls of `descend`. */
  function levels(): number {
    let [fits, tooMany] = [0, 2 ** 20];
    while (tooMany - fits > 100) {
      const depth = Math.floor((fits + tooMany) / 2);
      try {
        descend(depth, () => {});
        fits = depth;
      } catch {
        tooMany = depth;
      }
    }
    return fits;
  }
});
