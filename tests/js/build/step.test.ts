// A set-up step runs when an input, its other dependencies or an output says so, and only then.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { runUnlessDone } from "../../../build/step.mjs";

let folder: string;
let runs: number;
let compiler: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "step-"));
  runs = 0;
  compiler = "1.95";
  write("source/a.rs", "a");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a step whose inputs and outputs are unchanged is skipped", async () => {
  await perform();
  assert.equal(await perform(), "up to date");
  assert.equal(runs, 1);
});

for (const [change, make] of [
  ["an input's content", () => write("source/a.rs", "b")],
  ["a new input", () => write("source/b.rs", "a")],
  ["a removed input", () => rmSync(join(folder, "source/a.rs"))],
  ["another compiler", () => useCompiler("1.96")],
  ["a lost output", () => rmSync(join(folder, "built"))],
] as [string, () => void][]) {
  test(`${change} makes the step run again`, async () => {
    await perform();
    make();
    await perform();
    assert.equal(runs, 2);
  });
}

test("a failed step is not done", async () => {
  await perform();
  write("source/a.rs", "broken");
  await assert.rejects(perform(() => assert.fail("does not compile")));
  write("source/a.rs", "a");
  await perform();
  assert.equal(runs, 2);
});

test("a step without inputs runs every time", async () => {
  const step = { name: "check", says: "checks", run: countRun };
  await runUnlessDone(step, folder);
  await runUnlessDone(step, folder);
  assert.equal(runs, 2);
});

function perform(run: () => void = () => {}): Promise<string> {
  const step = {
    name: "compile",
    says: "compiles",
    inputs: ["source", "absent"],
    also: () => [compiler],
    outputs: () => ["built"],
    run() {
      run();
      countRun();
      write("built", "");
    },
  };
  return runUnlessDone(step, folder);
}

function useCompiler(version: string): void {
  compiler = version;
}

function countRun(): void {
  runs += 1;
}

function write(path: string, content: string): void {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), content);
}
