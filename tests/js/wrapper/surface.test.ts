// What SDKs and people see of a wrapper: its shape, its counts and events, and that it tells no secret.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { isTokenCredential, type TokenCredential } from "@azure/core-auth";
import {
  bearerTokenAuthenticationPolicy,
  createEmptyPipeline,
  createPipelineRequest,
} from "@azure/core-rest-pipeline";
import { ChainedTokenCredential, CredentialUnavailableError } from "@azure/identity";
import { type CacheEvent, TokenCache, withTokenCache } from "azure-token-cache";
import { fakeToken } from "../../leaks/search.mjs";
import { errorOf, hour, minute, scope, textOf, wrapped } from "./wrapped.ts";

describe("a wrapper", () => {
  it("is a credential of @azure/core-auth, of two parameters", async () => {
    const { credential } = wrapped();
    const sdk: TokenCredential = credential;
    assert.ok(isTokenCredential(sdk));
    assert.equal(credential.getToken.length, 2);
    assert.equal(withTokenCache(sdk), credential);
  });

  it("is wrapped around any credential of the SDK, in a chain as well", async () => {
    const unavailable = wrapped([{ error: new CredentialUnavailableError("not here") }]);
    const available = wrapped();
    const chain = new ChainedTokenCredential(unavailable.credential, available.credential);
    assert.equal((await chain.getToken(scope)).token, "token-1");
    assert.equal((await chain.getToken(scope)).token, "token-1");
    assert.deepEqual([unavailable.source.calls.length, available.source.calls.length], [1, 1]);
  });

  it("serves the pipeline of the SDKs", async () => {
    const { credential, source } = wrapped();
    source.getToken = ((inner) => async (scopes: string | string[], options?: object) => {
      const token = await inner(scopes, options);
      return token && { ...token, expiresOnTimestamp: Date.now() + hour };
    })(source.getToken.bind(source));
    const seen: (string | undefined)[] = [];
    for (let client = 0; client < 12; client += 1) {
      const pipeline = createEmptyPipeline();
      pipeline.addPolicy(bearerTokenAuthenticationPolicy({ credential, scopes: scope }));
      const request = createPipelineRequest({ url: "https://localhost/" });
      const httpClient = {
        sendRequest: async (sent: typeof request) => {
          seen.push(sent.headers.get("authorization"));
          return { request: sent, status: 200, headers: sent.headers };
        },
      };
      await pipeline.sendRequest(httpClient, request);
    }
    assert.deepEqual(new Set(seen), new Set(["Bearer token-1"]));
    assert.equal(source.calls.length, 1);
  });

  it("counts", async () => {
    const { credential, clock } = wrapped([{}, { error: new Error("no") }]);
    await credential.getToken(scope);
    for (let call = 0; call < 5; call += 1) await credential.getToken(call % 2 === 0 ? scope : [scope]);
    await errorOf(credential.getToken("other"));
    await clock.settle();
    const counted = { hits: 5, waits: 2, fetches: 2, fetchesBehind: 0, failures: 1, tokens: 1 };
    assert.deepEqual(credential.stats(), counted);
    await clock.advance(hour - 4 * minute);
    await credential.getToken(scope);
    await clock.settle();
    assert.deepEqual(credential.stats(), { ...counted, hits: 6, fetches: 3, fetchesBehind: 1 });
    await credential.invalidate(scope);
    assert.equal(credential.stats().tokens, 0);
  });

  it("is called through its prototype as well", async () => {
    const { credential } = wrapped();
    const { getToken } = Object.getPrototypeOf(credential) as TokenCredential;
    assert.equal((await getToken.call(credential, scope))?.token, "token-1");
  });
});

describe("events", () => {
  it("tell of fetches, not of hits", async () => {
    const { credential, clock, events } = wrapped([{ delayMs: 5 }]);
    const waiting = credential.getToken([scope], { tenantId: "t" });
    await clock.advance(5);
    await waiting;
    await credential.getToken([scope], { tenantId: "t" });
    const subject = { kind: "credential", scopes: [scope], tenantId: "t", behind: false, challenged: false };
    assert.deepEqual(events, [
      { type: "fetch-start", ...subject },
      { type: "fetch-end", ...subject, outcome: "granted", milliseconds: 5 },
    ]);
  });

  it("tell of failures by their name alone", async () => {
    const error = Object.assign(new Error("secret"), { name: "Bearer eyJhbGciOi.J9" });
    const { credential, events } = wrapped([{ error: new CredentialUnavailableError("secret") }, { error }]);
    await errorOf(credential.getToken("a"));
    await errorOf(credential.getToken("a"));
    await errorOf(credential.getToken("b"));
    const names = events.flatMap((event) => ("errorName" in event ? [[event.type, event.errorName]] : []));
    assert.deepEqual(names, [
      ["fetch-end", "CredentialUnavailableError"],
      ["failure-remembered", "CredentialUnavailableError"],
      ["fetch-end", "Error"],
    ]);
  });

  it("tell of a result that came too late", async () => {
    const { credential, clock, events } = wrapped([{ delayMs: 100 }]);
    const waiting = credential.getToken(scope);
    await credential.invalidate();
    await clock.advance(100);
    await waiting;
    assert.deepEqual(
      events.flatMap((event) => (event.type === "fetch-end" ? [event.outcome] : [])),
      ["dropped", "granted"],
    );
  });
});

describe("a canary", () => {
  const canary = fakeToken("7f3a9c51e2");
  const needles = [
    canary,
    Buffer.from(canary).toString("base64").slice(0, 20),
    Buffer.from(canary, "utf16le").toString("latin1"),
  ];
  const everything = { depth: 20, showHidden: true, getters: false, customInspect: false } as const;
  const holds = (haystack: string) => needles.some((needle) => haystack.includes(needle));

  it("in a token is in no event, no error, no count, no explanation and no inspection", async () => {
    const events: CacheEvent[] = [];
    const { source, clock } = wrapped([
      { token: canary },
      { token: canary, expiresOnTimestamp: 5 },
      { error: new Error("no") },
    ]);
    const cache = new TokenCache({ clock, onEvent: (event) => events.push(event) });
    const credential = cache.wrap(source, { identity: "fixed" });
    await credential.getToken(scope, { claims: undefined } as never);
    const errors = [await errorOf(credential.getToken("b")), await errorOf(credential.getToken("c"))];
    const seen = [
      events,
      errors,
      credential.stats(),
      cache.stats(),
      credential.explain(scope),
      credential,
      cache,
    ];
    for (const each of seen) {
      assert.ok(!holds(inspect(each, everything)), inspect(each));
      assert.ok(!holds(inspect(each)));
      assert.ok(!holds(JSON.stringify(each) ?? ""));
    }
  });

  it("in claims is in no event and no inspection", async () => {
    const { credential, events } = wrapped([{ error: new Error("no") }]);
    await errorOf(credential.getToken(scope, { claims: `{"x":"${canary}"}` }));
    assert.ok(!holds(inspect([events, credential], everything)));
  });

  it("that is planted is found", () => {
    assert.ok(holds(inspect({ a: { b: new Error(`leak ${canary}`) } }, everything)));
  });
});

describe("nothing behind a caller", () => {
  it("becomes an unhandled rejection", async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown) => unhandled.push(error);
    process.on("unhandledRejection", onUnhandled);
    const error = new Error("behind");
    const { credential, clock } = wrapped([
      {},
      { error },
      "never",
      { throws: error },
      { error, delayMs: 10 },
    ]);
    await credential.getToken(scope);
    await clock.advance(hour - 4 * minute);
    await credential.getToken(scope);
    await clock.advance(40_000);
    await credential.getToken(scope);
    await clock.advance(hour);
    await errorOf(credential.getToken("throws"));
    const controller = new AbortController();
    const leaver = errorOf(credential.getToken("leaves", { abortSignal: controller.signal }));
    controller.abort();
    await leaver;
    await clock.advance(20);
    await credential.close();
    await new Promise(setImmediate);
    process.off("unhandledRejection", onUnhandled);
    assert.deepEqual(unhandled, []);
  });
});

describe("the text of a token", () => {
  it("that is a readable JWT tells when its life began", async () => {
    const { credential, clock, source } = wrapped();
    const issued = clock.unixMillis() / 1000 - 555;
    const claims = Buffer.from(JSON.stringify({ iat: issued })).toString("base64url");
    source.add({ token: `e30.${claims}.x`, livesMs: 45_000 });
    await credential.getToken(scope);
    // Ten minutes of life scale the thresholds by a half: due at 150 s before its end, in front below 30 s.
    assert.equal(credential.explain(scope).zone, "refresh-behind");
    assert.match((await textOf(credential.getToken(scope))) ?? "", /^e30/);
  });
});
