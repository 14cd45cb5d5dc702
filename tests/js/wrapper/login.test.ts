// A credential whose login can change: looked at last, with the token in hand, and around every run.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CacheEvent } from "azure-token-cache";
import { ManualClock, ScriptedCredential, type Step } from "azure-token-cache/testing";
import { defaultPlatform } from "../../../wasm/ts/default-platform.ts";
import { inlineEngine } from "../../../wasm/ts/load/inline.ts";
import type { Admission, LoginWatch, Platform, Run, Verdict } from "../../../wasm/ts/platform.ts";
import { createWithTokenCache } from "../../../wasm/ts/token-cache.ts";
import { errorOf, hour, minute, scope, stateOf, textOf } from "./wrapped.ts";

/** A login that a test moves. Verdicts wait until an examination takes them. */
class FakeLogin implements LoginWatch {
  readonly everyMs: number;
  verdicts: Verdict[] = [];
  stabilities: Run<unknown>["stability"][] = [];
  admissions: Admission[] = [];
  session = 1;
  looks = 0;
  mayStart: Promise<void> = Promise.resolve();

  constructor(everyMs = 0) {
    this.everyMs = everyMs;
  }

  unchanged(): boolean {
    this.looks += 1;
    return this.verdicts.length === 0;
  }

  examine(): Verdict {
    return this.verdicts.shift() ?? "same";
  }

  async run<T>(fetch: () => Promise<T>): Promise<Run<T>> {
    await this.mayStart;
    const outcome = await fetch().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    return { ...outcome, stability: this.stabilities.shift() ?? "steady", session: this.session };
  }

  admit(): Admission {
    return this.admissions.shift() ?? "ok";
  }
}

interface Watched {
  clock: ManualClock;
  source: ScriptedCredential;
  login: FakeLogin;
  events: CacheEvent[];
  credential: ReturnType<ReturnType<typeof createWithTokenCache>["withTokenCache"]>;
}

function watched(steps: Step[] = [], { everyMs = 0, az = false } = {}): Watched {
  const clock = new ManualClock();
  const source = new ScriptedCredential(clock, steps);
  const login = new FakeLogin(everyMs);
  const events: CacheEvent[] = [];
  const kind = {
    name: "az",
    keyedBy: "az",
    honoursClaims: false,
    abortable: false,
    interactive: false,
  } as const;
  const platform: Platform = {
    ...defaultPlatform,
    kindOf: () => (az ? kind : undefined),
    watch: () => login,
  };
  const { withTokenCache } = createWithTokenCache(platform, inlineEngine);
  const credential = withTokenCache(source, { clock, onEvent: (event) => events.push(event) });
  return { clock, source, login, events, credential };
}

describe("a strictly watched login", () => {
  it("is looked at on every call", async () => {
    const { credential, login } = watched();
    await credential.getToken(scope);
    await credential.getToken(scope);
    const before = login.looks;
    for (let call = 0; call < 10; call += 1) await credential.getToken(scope);
    assert.equal(login.looks, before + 10);
  });

  it("is looked at once for a crowd that waits", async () => {
    const { credential, clock, login } = watched([{ delayMs: 10 }]);
    const crowd = Array.from({ length: 100 }, () => credential.getToken(scope));
    const before = login.looks;
    await clock.advance(10);
    assert.equal(new Set(await Promise.all(crowd.map(textOf))).size, 1);
    assert.equal(login.looks, before + 1);
    assert.equal(credential.stats().waits, 100);
  });

  it("that changed takes every token of that credential", async () => {
    const { credential, login, events } = watched();
    assert.deepEqual(
      [await textOf(credential.getToken("a")), await textOf(credential.getToken("b"))],
      ["token-1", "token-2"],
    );
    login.verdicts.push("changed");
    assert.equal(await textOf(credential.getToken("b")), "token-3");
    assert.equal(await textOf(credential.getToken("a")), "token-4");
    assert.ok(events.some((event) => event.type === "identity-changed" && event.change === "account"));
  });

  it("that was read as the same serves the token", async () => {
    const { credential, login, source } = watched();
    await credential.getToken(scope);
    login.verdicts.push("same");
    assert.equal(await textOf(credential.getToken(scope)), "token-1");
    assert.equal(source.calls.length, 1);
  });

  it("that was touched takes the tokens of other sessions alone", async () => {
    const { credential, login } = watched();
    await credential.getToken("old");
    login.session = 2;
    await credential.getToken("new");
    login.verdicts.push({ touched: 2 });
    assert.equal(await textOf(credential.getToken("new")), "token-2");
    assert.equal(await textOf(credential.getToken("old")), "token-3");
  });

  it("that cannot be read yet is read again, and nothing is served meanwhile", async () => {
    const { credential, login, clock } = watched();
    await credential.getToken(scope);
    login.verdicts.push({ retryAfterMs: 50 }, { retryAfterMs: 50 }, "same");
    const waiting = credential.getToken(scope);
    assert.equal(await stateOf(waiting, clock), "pending");
    await clock.advance(200);
    assert.equal(await stateOf(waiting, clock), "token-1");
  });

  it("that cannot be read yet lets a caller leave", async () => {
    const { credential, login } = watched();
    await credential.getToken(scope);
    login.verdicts.push({ retryAfterMs: 1_000 }, { retryAfterMs: 1_000 });
    const controller = new AbortController();
    const leaver = errorOf(credential.getToken(scope, { abortSignal: controller.signal }));
    controller.abort();
    assert.equal(((await leaver) as Error).name, "AbortError");
  });

  it("that stays unreadable gives its error, and deletes nothing", async () => {
    const { credential, login } = watched();
    await credential.getToken(scope);
    const error = new Error("unreadable");
    login.verdicts.push({ error }, { error });
    assert.equal(await errorOf(credential.getToken(scope)), error);
    assert.equal(await textOf(credential.getToken(scope)), "token-1");
  });

  it("that nobody can watch sends the call to the credential, and keeps nothing", async () => {
    const { credential, login, source } = watched();
    const always: Verdict[] = Array.from({ length: 4 }, () => "bypass");
    login.verdicts.push(...always);
    await credential.getToken(scope);
    await credential.getToken(scope);
    assert.equal(source.calls.length, 2);
    assert.equal(credential.stats().fetches, 0);
  });

  it("that changes between a token's arrival and its callers serves none of them that token", async () => {
    const { credential, login, clock } = watched([
      { delayMs: 100, token: "old account" },
      { token: "new account" },
    ]);
    const first = credential.getToken(scope);
    // With options it is not of the crowd that shares the first one's look.
    const second = credential.getToken(scope, {});
    const unchanged = login.unchanged.bind(login);
    let armed = false;
    login.unchanged = () => {
      if (armed) login.verdicts.push("changed");
      armed = false;
      return unchanged();
    };
    await clock.settle();
    armed = true;
    await clock.advance(100);
    assert.deepEqual(
      [await stateOf(first, clock), await stateOf(second, clock)],
      ["new account", "new account"],
    );
  });

  it("that changes at every look ends in a typed error", async () => {
    const { credential, login } = watched();
    login.unchanged = () => false;
    login.examine = () => "changed";
    assert.equal(((await errorOf(credential.getToken(scope))) as Error).name, "LoginMovedError");
  });
});

describe("an explanation", () => {
  it("is of the login that is there now", async () => {
    const { credential, login, events } = watched();
    await credential.getToken(scope);
    assert.equal(credential.explain(scope).zone, "fresh");
    login.verdicts.push("changed");
    assert.equal(credential.explain(scope).zone, "expired");
    assert.ok(events.some((event) => event.type === "identity-changed"));
    assert.equal(await textOf(credential.getToken(scope)), "token-2");
    login.verdicts.push({ touched: 2 });
    assert.equal(credential.explain(scope).expiresInMs, undefined);
  });

  it("serves nothing where a call would not, and deletes nothing", async () => {
    const { credential, login } = watched();
    await credential.getToken(scope);
    for (const [verdict, says] of [
      ["bypass", /goes to the credential/],
      [{ retryAfterMs: 50 }, /waits until/],
      [{ error: new Error("torn") }, /gets an error/],
    ] as const) {
      login.verdicts.push(verdict);
      const explanation = credential.explain(scope);
      assert.deepEqual([explanation.zone, explanation.expiresInMs], ["expired", undefined]);
      assert.match(explanation.says, says);
    }
    assert.equal(credential.explain(scope).zone, "fresh");
    assert.equal(await textOf(credential.getToken(scope)), "token-1");
  });
});

describe("a run of the credential", () => {
  it("that the login moved under is repeated, at most twice more", async () => {
    const { credential, login, source } = watched([], { az: true });
    login.stabilities.push("moved", "moved", "moved");
    assert.equal(((await errorOf(credential.getToken(scope))) as Error).name, "LoginMovedError");
    assert.equal(source.calls.length, 3);
    login.stabilities.push("moved");
  });

  it("is handed out without being kept when only files moved, three times", async () => {
    const { credential, login, source } = watched([], { az: true });
    const moved = "movedSameAccount" as const;
    login.stabilities.push(moved, moved, moved);
    assert.equal(await textOf(credential.getToken(scope)), "token-3");
    assert.equal(await textOf(credential.getToken(scope)), "token-4");
    assert.equal(source.calls.length, 4);
  });

  it("is handed out although the login was touched each time", async () => {
    const { credential, login, source } = watched([], { az: true });
    const run = login.run.bind(login);
    login.run = async (fetch) => {
      const result = await run(fetch);
      login.session += 1;
      login.verdicts.push({ touched: login.session });
      return result;
    };
    const moved = "movedSameAccount" as const;
    login.stabilities.push(moved, moved, moved);
    assert.equal(await textOf(credential.getToken(scope)), "token-3");
    assert.equal(source.calls.length, 3);
  });

  it("whose token is another account's fails with a typed error, and serves nothing", async () => {
    const { credential, login } = watched([], { az: true });
    login.admissions.push("contradiction");
    assert.equal(((await errorOf(credential.getToken(scope))) as Error).name, "LoginContradictionError");
  });

  it("whose token is the first of another user takes the old user's tokens", async () => {
    const { credential, login, events } = watched([], { az: true });
    await credential.getToken("a");
    login.admissions.push("otherUser");
    const token = await textOf(credential.getToken("b"));
    assert.equal(await textOf(credential.getToken("b")), token);
    assert.notEqual(await textOf(credential.getToken("a")), "token-1");
    assert.ok(events.some((event) => event.type === "identity-changed"));
  });

  it("has its limit counted from its start, not from the wait for a quiet login", async () => {
    const { credential, login, clock } = watched([{ delayMs: 59_000 }], { az: true });
    let start = () => {};
    login.mayStart = new Promise((resolve) => {
      start = resolve;
    });
    const waiting = credential.getToken(scope);
    await clock.advance(4_000);
    start();
    await clock.settle();
    await clock.advance(59_000);
    assert.equal(await stateOf(waiting, clock), "token-1");
  });

  it("that may not start gives the reason", async () => {
    const { credential, login } = watched();
    const error = new Error("restless");
    login.run = async () => {
      throw error;
    };
    assert.equal(await errorOf(credential.getToken(scope)), error);
  });

  it("of az is not aborted when its last waiter leaves, and its result is kept", async () => {
    const { credential, clock, source } = watched([{ delayMs: 100 }], { az: true });
    const controller = new AbortController();
    const leaver = errorOf(credential.getToken(scope, { abortSignal: controller.signal }));
    await clock.settle();
    controller.abort();
    await leaver;
    assert.equal(source.calls[0]?.options.abortSignal?.aborted, false);
    await clock.advance(100);
    assert.equal(await textOf(credential.getToken(scope)), "token-1");
  });

  it("of az that is past its limit is not aborted either, and its result is dropped", async () => {
    const { credential, clock, source } = watched([{ delayMs: 61_000 }], { az: true });
    const waiting = errorOf(credential.getToken(scope));
    await clock.advance(60_000);
    assert.equal(((await waiting) as Error).name, "FetchTimeoutError");
    assert.equal(source.calls[0]?.options.abortSignal?.aborted, false);
    await clock.advance(5_000);
    assert.equal(await textOf(credential.getToken(scope)), "token-2");
  });
});

describe("a loosely watched login", () => {
  it("is looked at no more often than it says, and the change is seen then", async () => {
    const { credential, clock, login } = watched([], { everyMs: 1_000 });
    await credential.getToken(scope);
    await credential.getToken(scope);
    const before = login.looks;
    for (let call = 0; call < 100; call += 1) await credential.getToken(scope);
    assert.equal(login.looks, before);
    login.verdicts.push("changed");
    await clock.advance(999);
    assert.equal(await textOf(credential.getToken(scope)), "token-1");
    await clock.advance(1);
    assert.equal(await textOf(credential.getToken(scope)), "token-2");
  });
});

describe("a due token", () => {
  it("is refreshed behind its callers for a watched login too", async () => {
    const { credential, clock } = watched([{}, { delayMs: 50 }], { az: true });
    await credential.getToken(scope);
    await clock.advance(hour - 4 * minute);
    assert.equal(await textOf(credential.getToken(scope)), "token-1");
    await clock.advance(50);
    assert.equal(await textOf(credential.getToken(scope)), "token-2");
  });
});
