// A server that did not answer in time: when it is asked again, and by whom.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Circuit } from "../../../node/ts/redis/circuit.ts";

test("a server that is left alone is asked after a rest, though nobody needs it, until it answers", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const circuit = new Circuit();
  const answers = [() => Promise.reject(new Error("too late")), () => Promise.resolve()];
  circuit.open(() => (answers.shift() as () => Promise<void>)());
  context.mock.timers.tick(4_999);
  assert.equal(answers.length, 2);
  context.mock.timers.tick(1);
  assert.equal(answers.length, 1);
  await new Promise(setImmediate);
  assert.equal(circuit.isOpen, true);
  context.mock.timers.tick(5_000);
  await new Promise(setImmediate);
  assert.deepEqual([answers.length, circuit.isOpen], [0, false]);
});
