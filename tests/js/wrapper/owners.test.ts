// A credential whose tokens are suddenly somebody else's: a chain that fell through, or a person who signed in anew.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TokenCredential } from "azure-token-cache";
import { withTokenCache } from "azure-token-cache";
import { ManualClock, MemoryTokenStore, ScriptedCredential, type Step } from "azure-token-cache/testing";
import { exact, hour, minute, scope, stateOf, textOf, wrapped } from "./wrapped.ts";

const token = (oid: string, more: object = {}) =>
  `e30.${Buffer.from(JSON.stringify({ tid: "t", oid, ...more })).toString("base64url")}.x`;
const [ann, ben] = [token("ann"), token("ben")];
const of = (text: string): Step => ({ token: text });
const policy = exact;

describe("a token of somebody else than before", () => {
  it("is not kept behind callers, who go on with the old one", async () => {
    const { credential, clock, events, source } = wrapped([of(ann), of(ben), of(ann)], { policy });
    assert.equal(await textOf(credential.getToken(scope)), ann);
    await clock.advance(hour - 4 * minute);
    for (let call = 0; call < 3; call += 1) {
      assert.equal(await textOf(credential.getToken(scope)), ann);
      await clock.settle();
    }
    assert.equal(source.calls.length, 2);
    const ended = events.findLast((event) => event.type === "fetch-end");
    assert.deepEqual([ended?.outcome, ended?.errorName], ["failed", "OtherOwnerError"]);
    assert.ok(!events.some((event) => event.type === "identity-changed"));
    await clock.advance(minute);
    await credential.getToken(scope);
    await clock.settle();
    assert.equal(source.calls.length, 3, "tried again, as after a failure");
    assert.ok((credential.explain(scope).expiresInMs ?? 0) > 50 * minute, "ann's new token is kept");
  });

  it("takes all older tokens of that credential in front, and says so", async () => {
    const { credential, clock, events, source } = wrapped([of(ann), of(ann), of(ben), of(ben)], { policy });
    await credential.getToken("a");
    await clock.advance(hour - minute);
    assert.equal(await textOf(credential.getToken("b")), ann);
    await clock.advance(2 * minute);
    assert.equal(await textOf(credential.getToken("a")), ben);
    const changes = events.filter((event) => event.type === "identity-changed");
    assert.deepEqual(changes, [{ type: "identity-changed", kind: "credential", change: "account" }]);
    assert.equal(await textOf(credential.getToken("a")), ben);
    assert.equal(source.calls.length, 3, "the token that brought the change is kept");
    assert.equal(await textOf(credential.getToken("b")), ben, "ann's is gone");
    assert.equal(source.calls.length, 4);
  });

  it("counts for all who wait for it, and another credential has nothing to do with it", async () => {
    const clock = new ManualClock();
    const { TokenCache } = await import("azure-token-cache");
    const events: string[] = [];
    const cache = new TokenCache({ clock, onEvent: ({ type }) => events.push(type) });
    const fixed = { identity: "fixed" } as const;
    const one = cache.wrap(new ScriptedCredential(clock, [of(ann), { token: ben, delayMs: 9 }]), fixed);
    const other = cache.wrap(new ScriptedCredential(clock, [of(ann)]), fixed);
    await one.getToken(scope);
    await other.getToken(scope);
    await clock.advance(2 * hour - minute);
    const asked = Array.from({ length: 5 }, () => stateOf(one.getToken(scope), clock));
    await clock.advance(9);
    const waiting = Array.from({ length: 5 }, () => textOf(one.getToken(scope)));
    await Promise.all(asked);
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set([ben]));
    assert.equal(events.filter((type) => type === "identity-changed").length, 1);
    assert.equal(other.stats().fetches, 1);
  });

  it("is none where the tenant is another one, the token does not say, or nobody can read it", async () => {
    const guest = token("a guest", { tid: "u" });
    for (const second of [guest, "opaque", "a.b.c", "e30.e30.x", token("", { oid: undefined, appid: "c" })]) {
      const { credential, clock, events } = wrapped([of(ann), of(second), of(ann)], { policy });
      for (const expected of [ann, second, ann]) {
        assert.equal(await textOf(credential.getToken(scope)), expected);
        await clock.advance(2 * hour);
      }
      assert.ok(!events.some((event) => event.type === "identity-changed"), second);
    }
  });

  it("is told by its client where it has no user", async () => {
    const app = (name: string, id: string) => token("", { oid: undefined, [name]: id });
    const { credential, clock, events } = wrapped([
      of(app("appid", "c")),
      of(app("azp", "c")),
      of(app("azp", "d")),
    ]);
    for (let fetch = 0; fetch < 3; fetch += 1) {
      await credential.getToken(scope);
      await clock.advance(2 * hour);
      const changes = events.filter((event) => event.type === "identity-changed");
      assert.equal(changes.length, fetch === 2 ? 1 : 0);
    }
  });

  it("takes the older ones out of the store, and one behind callers does not get in", async () => {
    const store = new MemoryTokenStore();
    const held = () => store.held.map(([, { token }]) => token);
    const options = { policy, store, partition: "p" };
    const { credential, clock } = wrapped([of(ann), of(ann), of(ben), of(ben)], options);
    await credential.getToken("a");
    await credential.getToken("b");
    await clock.advance(hour - 4 * minute);
    await credential.getToken("a");
    await clock.settle();
    assert.deepEqual(held(), [ann, ann]);
    await clock.advance(4 * minute);
    assert.equal(await textOf(credential.getToken("a")), ben);
    await clock.settle();
    assert.ok(!held().includes(ann), "nobody else gets ann's");
  });
});

describe("a chain", () => {
  /** Parts that fail or answer as the test says, and count. */
  class Part implements TokenCredential {
    asked = 0;
    readonly #clock: ManualClock;
    answer: string | undefined;

    constructor(clock: ManualClock, answer: string | undefined) {
      this.#clock = clock;
      this.answer = answer;
    }

    async getToken() {
      this.asked += 1;
      if (this.answer === undefined)
        throw Object.assign(new Error("not here"), { name: "CredentialUnavailableError" });
      return { token: this.answer, expiresOnTimestamp: this.#clock.unixMillis() + hour };
    }
  }

  async function chained(...answers: (string | undefined)[]) {
    const { ChainedTokenCredential } = await import("@azure/identity");
    const clock = new ManualClock();
    const parts = answers.map((answer) => new Part(clock, answer));
    const events: string[] = [];
    const chain = new ChainedTokenCredential(...parts);
    const onEvent = ({ type }: { type: string }) => events.push(type);
    const credential = withTokenCache(chain, { clock, policy, identity: "fixed", onEvent });
    const asked = () => parts.map((part) => part.asked);
    return { clock, parts, credential, asked, events };
  }

  it("is walked once for all hits", async () => {
    const { credential, asked, clock } = await chained(undefined, undefined, ann);
    for (let call = 0; call < 50; call += 1) {
      await credential.getToken(scope);
      await clock.advance(minute / 2);
    }
    assert.deepEqual(asked(), [1, 1, 1]);
  });

  it("is walked again, from its first part, when its winner fails: behind callers nobody takes its place", async () => {
    const { credential, asked, clock, parts, events } = await chained(undefined, ann, ben);
    await credential.getToken(scope);
    (parts[1] as Part).answer = undefined;
    await clock.advance(hour - 4 * minute);
    assert.equal(await textOf(credential.getToken(scope)), ann);
    await clock.settle();
    assert.deepEqual(asked(), [2, 2, 1]);
    assert.equal(await textOf(credential.getToken(scope)), ann);
    (parts[1] as Part).answer = ann;
    await clock.advance(minute);
    await credential.getToken(scope);
    await clock.settle();
    assert.deepEqual(asked(), [3, 3, 1]);
    assert.ok(!events.includes("identity-changed"));
  });

  it("has another winner in front, when the first one goes on failing", async () => {
    const { credential, clock, parts, events } = await chained(ann, ben);
    await credential.getToken(scope);
    (parts[0] as Part).answer = undefined;
    await clock.advance(hour);
    assert.equal(await textOf(credential.getToken(scope)), ben);
    assert.ok(events.includes("identity-changed"));
    (parts[0] as Part).answer = ann;
    await clock.advance(hour - 30_000);
    assert.equal(await textOf(credential.getToken(scope)), ann, "the first one is back, in front");
  });
});
