// A person who signs in anew on a wrapped credential: nobody gets the token of the one before.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InteractiveBrowserCredential } from "@azure/identity";
import { withTokenCache } from "azure-token-cache";
import { MemoryTokenStore } from "azure-token-cache/testing";
import { hour, scope, textOf } from "./wrapped.ts";

/** Its tokens are those of who signed in last, as a credential that asks a person has them. */
class Asking {
  who = "ann";
  async getToken() {
    return { token: `of ${this.who}`, expiresOnTimestamp: Date.now() + hour };
  }
  async authenticate(who: string, { fails = false } = {}) {
    this.who = who;
    if (fails) throw new Error("the page was closed");
    return { username: who };
  }
}

describe("authenticate() of a wrapped credential", () => {
  it("does what it does, and what is kept of the person before goes", async () => {
    const inner = new Asking();
    const credential = withTokenCache(inner);
    assert.equal(await textOf(credential.getToken(scope)), "of ann");
    assert.deepEqual(await inner.authenticate("ben"), { username: "ben" });
    assert.equal(await textOf(credential.getToken(scope)), "of ben");
    assert.deepEqual([inner.authenticate.name, inner.authenticate.length], ["authenticate", 1]);
    assert.deepEqual(Object.keys(inner), ["who"], "a copy of its fields is as before");
  });

  it("counts where it fails too: who signed in has signed in", async () => {
    const inner = new Asking();
    const credential = withTokenCache(inner);
    await credential.getToken(scope);
    await assert.rejects(inner.authenticate("ben", { fails: true }), /page was closed/);
    assert.equal(await textOf(credential.getToken(scope)), "of ben");
  });

  it("takes the tokens in the store too, and those of every cache of the credential", async () => {
    const inner = new Asking();
    const store = new MemoryTokenStore();
    const [one, two] = ["one", "two"].map((partition) => withTokenCache(inner, { store, partition }));
    await Promise.all([one?.getToken(scope), two?.getToken(scope)]);
    await inner.authenticate("ben");
    assert.deepEqual(store.held, []);
    for (const credential of [one, two])
      assert.equal(credential && (await textOf(credential.getToken(scope))), "of ben");
  });

  it("goes on after the cache is closed, and where the method cannot be replaced", async () => {
    const inner = new Asking();
    await withTokenCache(inner).close();
    assert.deepEqual(await inner.authenticate("ben"), { username: "ben" });
    assert.equal(await textOf(withTokenCache(Object.freeze(new Asking())).getToken(scope)), "of ann");
  });

  it("is that of @azure/identity", async () => {
    let who = "ann";
    const inner = new InteractiveBrowserCredential({});
    const token = async () => ({ token: `of ${who}`, expiresOnTimestamp: Date.now() + hour });
    Object.assign((inner as unknown as { msalClient: object }).msalClient, {
      getTokenByInteractiveRequest: token,
      getActiveAccount: () => ({ homeAccountId: who }),
    });
    const credential = withTokenCache(inner);
    assert.equal(await textOf(credential.getToken(scope)), "of ann");
    who = "ben";
    await inner.authenticate(scope);
    assert.equal(await textOf(credential.getToken(scope)), "of ben");
  });
});
