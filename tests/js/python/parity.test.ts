// The policy "azure-identity" beside the real GetTokenMixin of azure-identity for Python: equal step by step, but that a
// refresh with 600 s left runs behind the caller, who has the token that is held.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Action, createEngine, Decision, type Engine, Settled } from "azure-token-cache/core";

const root = fileURLToPath(new URL("../../../", import.meta.url));

interface Step {
  seconds: number;
  succeeds: boolean;
  lifetime: number;
  refreshIn: number | null;
  requested: boolean;
  answer: number | null;
}

interface Script {
  version: string;
  seed: number;
  steps: Step[];
}

const scriptCount = 5_000;
const stepCount = 60;

test("thousands of random scripts come out as in Python", (context) => {
  const seed = Number(process.env["SEED"] ?? 1 + Math.floor(Math.random() * 1e9));
  context.diagnostic(`SEED=${seed}`);
  const scripts = playInPython(seed);
  assert.equal(scripts.length, scriptCount);
  const sights = new Set<string>();
  for (const script of scripts) {
    assert.match(script.version, /^1\.27\./);
    const player = new Player();
    for (const [number, step] of script.steps.entries()) {
      const { requested, answer, sight } = player.perform(step, number);
      const where = `seed ${script.seed}, step ${number}: ${JSON.stringify(step)}, ${sight}`;
      assert.equal(requested, step.requested, where);
      if (sight === "behind" && step.succeeds) assert.notEqual(answer, step.answer, where);
      else assert.equal(answer, step.answer, where);
      sights.add(sight);
    }
  }
  assert.deepEqual([...sights].sort(), ["behind", "failed", "granted", "hit", "served"]);
});

function playInPython(seed: number): Script[] {
  const args = [
    `${root}tests/python/get_token_mixin.py`,
    String(seed),
    String(scriptCount),
    String(stepCount),
  ];
  const printed = execFileSync(`${root}target/az-venv/bin/python`, args, {
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  return printed
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** One caller of one entry, whose fetches end at once. */
class Player {
  readonly #engine: Engine = createEngine({ policy: "azure-identity", seed: 1 });
  readonly #entry: number;
  #elapsed = 0;
  #held: number | null = null;

  constructor() {
    const credential = this.#engine.register(0, Number.NaN);
    this.#entry = this.#engine.intern(credential, ["scope"], undefined, false, undefined, ...this.#now());
  }

  perform(step: Step, number: number) {
    this.#elapsed += step.seconds * 1_000;
    const held = this.#held;
    const decision = this.#engine.lookup(this.#entry, ...this.#now());
    const requested = this.#engine.nextAction() === Action.Fetch;
    if (!requested) {
      assert.equal(decision, Decision.Hit);
      return { requested, answer: held, sight: "hit" };
    }
    const settled = this.#end(this.#engine.actionFetch(), step);
    assert.equal(this.#engine.nextAction(), Action.None);
    if (settled === Settled.Granted) this.#held = number;
    if (decision === Decision.Refresh) return { requested, answer: held, sight: "behind" };
    assert.equal(decision, Decision.Wait);
    if (settled === Settled.Granted) return { requested, answer: number, sight: "granted" };
    if (settled === Settled.Served) return { requested, answer: held, sight: "served" };
    assert.equal(settled, Settled.Failed);
    return { requested, answer: null, sight: "failed" };
  }

  #end(fetch: number, { succeeds, lifetime, refreshIn }: Step): number {
    const [monotonic, unix] = this.#now();
    if (!succeeds) return this.#engine.failed(fetch, false, Number.NaN, 0, monotonic, unix);
    const refreshAt = refreshIn === null ? Number.NaN : unix + refreshIn * 1_000;
    const expiresAt = unix + lifetime * 1_000;
    return this.#engine.granted(fetch, expiresAt, refreshAt, Number.NaN, false, 0, 0, monotonic, unix);
  }

  #now(): [monotonic: number, unix: number] {
    return [this.#elapsed, 1_700_000_000_000 + this.#elapsed];
  }
}
