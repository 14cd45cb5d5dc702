// Callers without types, callers that change what they passed, and credentials that come and go.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type {
  AccessToken,
  CachedCredential,
  CacheEvent,
  GetTokenOptions,
  TokenCredential,
} from "azure-token-cache";
import { ManualClock, ScriptedCredential } from "azure-token-cache/testing";
import { defaultPlatform } from "../../../wasm/ts/default-platform.ts";
import { inlineEngine } from "../../../wasm/ts/load/inline.ts";
import {
  generalKind,
  type LoginWatch,
  type Platform,
  type Run,
  type Verdict,
} from "../../../wasm/ts/platform.ts";
import { createWithTokenCache } from "../../../wasm/ts/token-cache.ts";
import { errorOf, hour, scope, textOf } from "./wrapped.ts";

const { withTokenCache, TokenCache } = createWithTokenCache(defaultPlatform, inlineEngine);

/** A credential whose token says what was asked for. */
function echo() {
  const asked: { scopes: string | string[]; options: GetTokenOptions | undefined }[] = [];
  return {
    asked,
    async getToken(scopes: string | string[], options?: GetTokenOptions): Promise<AccessToken> {
      asked.push({ scopes, options });
      const token = JSON.stringify([scopes, options?.tenantId ?? null, options?.claims ?? null]);
      return { token, expiresOnTimestamp: Date.now() + hour };
    },
  };
}

describe("what is not text", () => {
  it("as a tenant goes to the credential, and mixes with no other tenant's tokens", async () => {
    const odd = { tenantId: 5 } as never;
    for (const oddFirst of [true, false]) {
      const credential = withTokenCache(echo());
      const order = oddFirst ? [odd, undefined] : [undefined, odd];
      for (const options of order) credential.explain(scope, options);
      const tokens = [];
      for (const options of order) tokens.push(await textOf(credential.getToken(scope, options)));
      if (!oddFirst) tokens.reverse();
      assert.deepEqual(tokens, [`["${scope}",5,null]`, `["${scope}",null,null]`]);
    }
  });

  it("as claims is never answered by a token from before", async () => {
    const credential = withTokenCache(echo());
    await credential.getToken(scope);
    const challenged = await textOf(credential.getToken(scope, { claims: { xms_cc: 1 } } as never));
    assert.equal(challenged, `["${scope}",null,{"xms_cc":1}]`);
  });

  it("as half a surrogate pair is refused in scopes, and is no other tenant", async () => {
    const credential = withTokenCache(echo());
    assert.equal(((await errorOf(credential.getToken("a\ud800"))) as Error).name, "ScopesError");
    const one = await credential.getToken("a", { tenantId: "\ud800" });
    const other = await credential.getToken("a", { tenantId: "\ud801" });
    assert.notEqual(one?.token, other?.token);
    assert.equal(await textOf(credential.getToken("a \u{1f600}")), '["a \u{1f600}",null,null]');
  });
});

describe("a listener that is told of a fetch's start", () => {
  it("and closes the cache then keeps it from starting", async () => {
    const source = echo();
    const credential = withTokenCache(source, {
      onEvent: ({ type }) => {
        if (type === "fetch-start") void credential.close();
      },
    });
    assert.equal(((await errorOf(credential.getToken("a"))) as Error).name, "ClosedError");
    assert.equal(source.asked.length, 0);
  });

  it("and invalidates the token then has it asked for once", async () => {
    const source = echo();
    let told = 0;
    const credential = withTokenCache(source, {
      onEvent: ({ type }) => {
        if (type === "fetch-start" && ++told === 1) void credential.invalidate();
      },
    });
    assert.equal(await textOf(credential.getToken("a")), '["a",null,null]');
    assert.equal(source.asked.length, 1);
  });
});

describe("a list of scopes", () => {
  it("stays as it was asked for, whatever a listener does to an event's", async () => {
    const source = echo();
    const onEvent = (event: CacheEvent) => {
      if ("scopes" in event) (event.scopes as string[]).sort();
    };
    const credential = withTokenCache(source, { onEvent });
    await credential.getToken(["b", "a"]);
    await credential.invalidate();
    await credential.getToken(["b", "a"]);
    assert.deepEqual(
      source.asked.map(({ scopes }) => scopes),
      [
        ["b", "a"],
        ["b", "a"],
      ],
    );
  });

  it("that a caller of a watched credential changes leaves no old answer behind", async () => {
    const { credential, clock } = watched();
    const scopes = ["a"];
    const first = credential.getToken(scopes);
    scopes[0] = "b";
    assert.equal(await textOf(first), "token-1");
    await clock.advance(2 * hour);
    const later = await credential.getToken(["a"]);
    assert.ok((later?.expiresOnTimestamp ?? 0) > clock.unixMillis(), "an expired token was served");
  });

  it("that a caller of a watched credential changes is asked for again as it was", async () => {
    const { credential, source, login } = watched();
    const scopes = ["a"];
    const answer = credential.getToken(scopes);
    scopes[0] = "b";
    login.verdicts = ["changed"];
    await answer;
    assert.deepEqual(
      source.calls.map((call) => call.scopes),
      [["a"], ["a"]],
    );
  });
});

describe("a cache of several credentials", () => {
  it("wraps a credential anew whose wrapper was closed", async () => {
    const cache = new TokenCache();
    const source = echo();
    const former = cache.wrap(source);
    await former.getToken(scope);
    await former.close();
    const wrapper = cache.wrap(source, { identity: "fixed" });
    assert.notEqual(wrapper, former);
    assert.equal((await wrapper.getToken(scope))?.token, `["${scope}",null,null]`);
    assert.equal(cache.wrap(source), wrapper);
    await former.close();
    assert.equal(cache.wrap(source), wrapper);
    assert.equal(((await errorOf(former.getToken(scope))) as Error).name, "ClosedError");
  });

  it("invalidates the others when one was closed, and keeps its counts", async () => {
    const cache = new TokenCache();
    const [one, other] = [echo(), echo()];
    const former = cache.wrap(one);
    const wrapper = cache.wrap(other);
    await former.getToken(scope);
    await wrapper.getToken(scope);
    await former.close();
    await cache.invalidate();
    await wrapper.getToken(scope);
    assert.equal(other.asked.length, 2);
    assert.equal(cache.stats().fetches, 3);
  });
});

describe("a credential without a limit of its own", () => {
  it("is not held to the policy's", async () => {
    const clock = new ManualClock();
    const source = new ScriptedCredential(clock, [{ delayMs: hour }]);
    const kindOf = () => ({ ...generalKind, limitMs: Number.POSITIVE_INFINITY });
    const caching = createWithTokenCache({ ...defaultPlatform, kindOf }, inlineEngine);
    const answer = caching.withTokenCache(source, { clock }).getToken(scope);
    await clock.advance(hour);
    assert.equal(await textOf(answer), "token-1");
  });
});

describe("what nobody holds any more", () => {
  it("is collected: a cache of one credential, closed or not", async () => {
    for (const closed of [false, true]) {
      const source = await used(async (credential) => {
        if (closed) await credential.close();
      });
      assert.ok(await isCollected(source), closed ? "closed" : "not closed");
    }
  });

  it("is collected: a credential whose wrapper was closed, of a cache that goes on", async () => {
    const cache = new TokenCache();
    const source = await used((credential) => credential.close(), cache);
    assert.ok(await isCollected(source));
    assert.equal(cache.stats().fetches, 1);
  });
});

/** A reference to a credential that was wrapped, asked, and left behind. */
async function used(
  leave: (credential: CachedCredential) => Promise<void>,
  cache?: { wrap: (source: TokenCredential) => CachedCredential },
): Promise<WeakRef<object>> {
  const source = echo();
  const credential = cache === undefined ? withTokenCache(source) : cache.wrap(source);
  await credential.getToken(scope);
  await leave(credential);
  return new WeakRef(source);
}

async function isCollected(reference: WeakRef<object>): Promise<boolean> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let round = 0; round < 20 && reference.deref() !== undefined; round += 1) {
    // A reference stays alive until the turn ends in which it was read.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  return reference.deref() === undefined;
}

class FakeLogin implements LoginWatch {
  readonly everyMs = 0;
  verdicts: Verdict[] = [];

  unchanged(): boolean {
    return this.verdicts.length === 0;
  }

  examine(): Verdict {
    return this.verdicts.shift() ?? "same";
  }

  async run<T>(fetch: () => Promise<T>): Promise<Run<T>> {
    return { value: await fetch(), stability: "steady", session: 1 };
  }

  admit(): "ok" {
    return "ok";
  }
}

function watched() {
  const clock = new ManualClock();
  const source = new ScriptedCredential(clock);
  const login = new FakeLogin();
  const platform: Platform = { ...defaultPlatform, watch: () => login };
  const caching = createWithTokenCache(platform, inlineEngine);
  return { clock, source, login, credential: caching.withTokenCache(source, { clock }) };
}
