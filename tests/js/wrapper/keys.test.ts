// Which requests share a token: those that the credential cannot tell apart, and no others.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AzureCliCredential } from "@azure/identity";
import { TokenCache, withTokenCache } from "azure-token-cache";
import fc from "fast-check";
import { hour, scope, textOf, wrapped } from "./wrapped.ts";

type Options = { tenantId?: string | undefined; enableCae?: boolean; claims?: string };

describe("the key of a request", () => {
  it("is its set of scopes, its tenant and CAE", async () => {
    const { credential } = wrapped();
    const groups: [string | string[], Options?][][] = [
      [["a"], [["a"]], ["a", {}], ["a", { tenantId: undefined }], ["a", { enableCae: false }], [["a", "a"]]],
      [[["a", "b"]], [["b", "a"]], [["a", "b", "a"]]],
      [
        ["a", { tenantId: "t" }],
        [["a"], { tenantId: "t", enableCae: false }],
      ],
      [
        ["a", { enableCae: true }],
        [["a"], { enableCae: true }],
      ],
      [["a", { enableCae: true, tenantId: "t" }]],
      [["ab"]],
      [["x/.default"]],
      [["x//.default"]],
      [["x"]],
    ];
    const tokens = new Set<unknown>();
    for (const group of groups) {
      const answers = [];
      for (const [scopes, options] of group)
        answers.push(await textOf(credential.getToken(scopes, options as never)));
      assert.equal(new Set(answers).size, 1, JSON.stringify(group));
      tokens.add(answers[0]);
    }
    assert.equal(tokens.size, groups.length);
  });

  it("is exact for any strings", async () => {
    const part = fc.constantFrom("a", "b", "ab", "1:a", "a1:b", "", " ", "\u0000", "é", "🔑");
    const request = fc.record({
      scopes: fc.oneof(
        part.filter((text) => text !== ""),
        fc.array(
          part.filter((text) => text !== ""),
          { minLength: 1, maxLength: 3 },
        ),
      ),
      tenantId: fc.option(part, { nil: undefined }),
      enableCae: fc.boolean(),
    });
    const keyOf = ({
      scopes,
      tenantId,
      enableCae,
    }: {
      scopes: string | string[];
      tenantId: string | undefined;
      enableCae: boolean;
    }) => JSON.stringify([[...new Set([scopes].flat())].sort(), tenantId ?? null, enableCae]);
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 30 }), async (requests) => {
        const { credential } = wrapped();
        const known = new Map<string, unknown>();
        for (const each of requests) {
          const token = await textOf(credential.getToken(each.scopes, each as never));
          const key = keyOf(each);
          assert.equal(known.get(key) ?? token, token);
          known.set(key, token);
        }
        assert.equal(new Set(known.values()).size, known.size);
      }),
      { numRuns: 200 },
    );
  });

  it("of az is the resource and the tenant", async () => {
    const source = new AzureCliCredential();
    let runs = 0;
    source.getToken = async () => ({ token: `az-${++runs}`, expiresOnTimestamp: Date.now() + hour });
    const credential = withTokenCache(source, { identity: "fixed" });
    const ask = (scopes: string | string[], options = {}) => textOf(credential.getToken(scopes, options));
    const first = await ask("https://x/.default");
    assert.equal(await ask(["https://x/.default", "https://y/.default"]), first);
    assert.equal(await ask("https://x/.default", { enableCae: true }), first);
    assert.equal(await ask("https://x"), first);
    for (const [scopes, options] of [
      ["https://x//.default"],
      ["https://x/"],
      ["https://x/.default", { tenantId: "t" }],
    ] as const)
      assert.notEqual(await ask(scopes, options), first);
  });
});

describe("two credentials in one cache", () => {
  it("never share a token, and one credential has one wrapper", async () => {
    const [one, two] = [wrapped([{ token: "one" }]), wrapped([{ token: "two" }])];
    const cache = new TokenCache({ clock: one.clock });
    const first = cache.wrap(one.source, { identity: "fixed" });
    const second = cache.wrap(two.source, { identity: "fixed" });
    assert.equal(await textOf(first.getToken(scope)), "one");
    assert.equal(await textOf(second.getToken(scope)), "two");
    assert.equal(cache.wrap(one.source), first);
    assert.deepEqual([cache.stats().fetches, cache.stats().entries], [2, 2]);
    one.source.add("never");
    const waiting = first.getToken("under way");
    await first.close();
    await assert.rejects(waiting, { name: "ClosedError" });
    assert.equal(one.source.calls.length, 2, "the fetch under way was not begun anew");
    assert.equal(await textOf(second.getToken(scope)), "two", "closing a wrapper closes no other");
    await assert.rejects(() => first.getToken(scope), { name: "ClosedError" });
    await cache.clear();
    assert.equal(await textOf(second.getToken(scope)), "token-2");
    await cache.close();
    await assert.rejects(() => second.getToken(scope), { name: "ClosedError" });
    assert.throws(() => cache.wrap(two.source), { name: "ClosedError" });
  });
});
