// The raw engine, as another host would drive it: numbers in and numbers out.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  Action,
  createEngine,
  Decision,
  FailReason,
  Kind,
  Refusal,
  Settled,
  Stability,
  Zone,
} from "azure-token-cache/core";

const unix = Date.UTC(2026, 0, 1);
const hour = 3_600_000;
const none = Number.NaN;

function fetching(engine: ReturnType<typeof createEngine>, entry: number, monotonic = 0) {
  assert.equal(engine.lookup(entry, monotonic, unix + monotonic), Decision.Wait);
  const job = engine.job();
  assert.equal(engine.nextAction(), Action.Fetch);
  assert.deepEqual([engine.actionEntry(), engine.actionJob()], [entry, job]);
  return { job, fetch: engine.actionFetch() };
}

describe("the engine", () => {
  it("walks from nothing to a hit", () => {
    const engine = createEngine({ seed: 1 });
    const credential = engine.register(0, 0);
    const entry = engine.intern(credential, ["a"], undefined, false, undefined, 0, unix);
    const { job, fetch } = fetching(engine, entry);
    assert.equal(engine.nextAction(), Action.None);
    assert.equal(engine.nextTimeout(), 60_000);
    assert.equal(
      engine.granted(fetch, unix + hour, none, none, false, 0, Stability.Steady, 0, unix),
      Settled.Granted,
    );
    assert.deepEqual([engine.settledJob(), engine.settledEntry(), engine.settledBase()], [job, entry, -1]);
    assert.equal(engine.lookup(entry, 0, unix), Decision.Hit);
    assert.deepEqual([engine.from(), engine.until()], [unix, unix + 30_000]);
    assert.equal(engine.nextTimeout(), Number.POSITIVE_INFINITY);
    assert.equal(engine.explain(entry, 0, unix), Zone.Fresh);
    assert.equal(engine.explainedLeft(), hour);
    assert.equal(engine.entryCount(), 1);
  });

  it("keeps one entry for requests that mean the same", () => {
    const engine = createEngine();
    const general = engine.register(0, 0);
    const az = engine.register(Kind.ByResource | Kind.RefusesClaims | Kind.Unabortable, 0);
    const intern = (credential: number, scopes: string[], cae = false) =>
      engine.intern(credential, scopes, undefined, cae, undefined, 0, unix);
    assert.equal(intern(general, ["a", "b"]), intern(general, ["b", "a"]));
    assert.notEqual(intern(general, ["a"]), intern(general, ["a"], true));
    assert.equal(intern(az, ["a/.default"]), intern(az, ["a", "b"], true));
  });

  it("refuses by code", () => {
    const engine = createEngine({ maxEntries: 1 });
    const credential = engine.register(0, 0);
    const intern = (scopes: string[], of = credential) =>
      engine.intern(of, scopes, undefined, false, undefined, 0, unix);
    assert.equal(intern([]), Refusal.EmptyScope);
    assert.equal(intern([""]), Refusal.EmptyScope);
    assert.equal(intern([5] as never), Refusal.EmptyScope);
    assert.equal(intern(["a"], 7), Refusal.UnknownCredential);
    fetching(engine, intern(["a"]));
    assert.equal(intern(["b"]), Refusal.Full);
    engine.close(0, unix);
    assert.equal(intern(["a"]), Refusal.Closed);
    assert.equal(engine.nextAction(), Action.Abort);
  });

  it("says whose error a failure has, and remembers it", () => {
    const engine = createEngine();
    const entry = engine.intern(engine.register(0, 5_000), ["a"], undefined, false, undefined, 0, unix);
    const first = fetching(engine, entry);
    assert.equal(engine.granted(first.fetch, 0, none, none, false, 0, 0, 0, unix), Settled.Failed);
    assert.equal(engine.settledReason(), FailReason.ExpiryMissing);
    assert.equal(engine.lookup(entry, 999, unix + 999), Decision.Fail);
    assert.equal(engine.until(), 1_000);
    const second = fetching(engine, entry, 1_000);
    assert.equal(engine.failed(second.fetch, true, none, 0, 1_000, unix + 1_000), Settled.Failed);
    assert.equal(engine.lookup(entry, 5_999, unix + 5_999), Decision.Fail);
    const third = fetching(engine, entry, 6_000);
    assert.equal(engine.none(third.fetch, 0, 6_000, unix + 6_000), Settled.Null);
    assert.equal(engine.settledJob(), third.job);
    fetching(engine, entry, 6_000);
    assert.equal(engine.timeout(10_999, unix + 10_999), Settled.Nothing);
    assert.equal(engine.timeout(11_000, unix + 11_000), Settled.Failed);
    assert.equal(engine.settledReason(), FailReason.Limit);
  });

  it("refuses a policy that is none", () => {
    assert.throws(() => createEngine({ policy: { minValidityMs: -1 } }), { name: "OptionError" });
    createEngine({ policy: "azure-identity" }).free();
  });
});
