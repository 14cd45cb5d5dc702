// Claims challenges: never answered by an older token, joined by identical ones alone, and not sticky.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CredentialUnavailableError } from "@azure/identity";
import { withTokenCache } from "azure-token-cache";
import { AzureCliCredential } from "azure-token-cache/node";
import { ManualClock } from "azure-token-cache/testing";
import { errorOf, hour, minute, scope, stateOf, textOf, wrapped } from "./wrapped.ts";

const claims = '{"access_token":{"nbf":{"essential":true,"value":"1"}}}';

describe("a claims challenge", () => {
  it("skips the token that is held, and its answer replaces it", async () => {
    const { credential, source } = wrapped();
    for (let call = 0; call < 3; call += 1) assert.equal(await textOf(credential.getToken(scope)), "token-1");
    assert.equal(await textOf(credential.getToken(scope, { claims })), "token-2");
    assert.equal(await textOf(credential.getToken(scope)), "token-2");
    assert.deepEqual(
      source.calls.map(({ options }) => options.claims),
      [undefined, claims],
    );
  });

  it("is joined by identical ones, which share its answer for 5 s", async () => {
    const { credential, clock, source } = wrapped([{ delayMs: 10 }]);
    const both = [credential.getToken(scope, { claims }), credential.getToken([scope], { claims })];
    const other = credential.getToken(scope, { claims: `${claims} ` });
    await clock.advance(10);
    assert.deepEqual(await Promise.all(both.map(textOf)), ["token-2", "token-2"]);
    assert.equal(await textOf(other), "token-1");
    await clock.advance(4_989);
    await credential.getToken(scope, { claims });
    assert.equal(source.calls.length, 2);
    await clock.advance(5_000);
    await credential.getToken(scope, { claims });
    assert.equal(source.calls.length, 3);
  });

  it("does not join a fetch without it, whose late result cannot replace its answer", async () => {
    const { credential, clock } = wrapped([
      { delayMs: 100, token: "plain" },
      { delayMs: 10, token: "challenged" },
    ]);
    const plain = credential.getToken(scope);
    const challenged = credential.getToken(scope, { claims });
    await clock.advance(10);
    assert.equal(await stateOf(challenged, clock), "challenged");
    await clock.advance(90);
    assert.equal(await stateOf(plain, clock), "challenged", "its waiters get the claims token");
    assert.equal(await textOf(credential.getToken(scope)), "challenged");
  });

  it("wins over one that started before it", async () => {
    const { credential, clock } = wrapped([
      { delayMs: 100, token: "early" },
      { delayMs: 10, token: "late" },
    ]);
    const both = [credential.getToken(scope, { claims: "1" }), credential.getToken(scope, { claims: "2" })];
    await clock.advance(100);
    assert.deepEqual(await Promise.all(both.map(textOf)), ["early", "late"]);
    assert.equal(await textOf(credential.getToken(scope)), "late");
  });

  it("fails with its own error, and leaves the held token", async () => {
    const error = new Error("no");
    const { credential } = wrapped([{}, { error }]);
    await credential.getToken(scope);
    assert.equal(await errorOf(credential.getToken(scope, { claims })), error);
    assert.equal(await textOf(credential.getToken(scope)), "token-1");
  });

  it("for a base that nobody asked for is kept for those who ask later", async () => {
    const { credential, source } = wrapped();
    await credential.getToken(scope, { claims, tenantId: "t", enableCae: true });
    assert.equal(await textOf(credential.getToken([scope], { tenantId: "t", enableCae: true })), "token-1");
    assert.equal(source.calls.length, 1);
  });

  it("that is empty is none", async () => {
    const { credential, source } = wrapped();
    await credential.getToken(scope);
    await credential.getToken(scope, { claims: "" });
    assert.equal(source.calls.length, 1);
  });
});

describe("a challenge of az, which cannot answer it", () => {
  it("throws at once, and makes the held token due", async () => {
    const clock = new ManualClock();
    const source = new AzureCliCredential();
    const refusal = new CredentialUnavailableError("claims");
    let runs = 0;
    source.getToken = async (_scopes: unknown, options?: { claims?: string }) => {
      if (options?.claims !== undefined) throw refusal;
      runs += 1;
      return { token: `az-${runs}`, expiresOnTimestamp: clock.unixMillis() + hour, tokenType: "Bearer" };
    };
    const credential = withTokenCache(source, { clock, identity: "fixed" });
    assert.equal(await textOf(credential.getToken(scope)), "az-1");
    await clock.advance(minute);
    assert.equal(await errorOf(credential.getToken(scope, { claims })), refusal);
    assert.equal(await textOf(credential.getToken(scope)), "az-1");
    await clock.settle();
    assert.equal(await textOf(credential.getToken(scope)), "az-2", "it was refreshed behind");
  });
});

describe("a request with proof of possession", () => {
  it("goes to the credential, with the caller's own options, and is not kept", async () => {
    const { credential, source } = wrapped();
    for (let call = 0; call < 3; call += 1) await credential.getToken(scope);
    const options = { proofOfPossessionOptions: { nonce: "n" }, abortSignal: new AbortController().signal };
    assert.equal(await textOf(credential.getToken(scope, options)), "token-2");
    assert.equal(source.calls[1]?.options, options);
    assert.equal(await textOf(credential.getToken(scope)), "token-1");
  });
});
