// One meaning for every host: vectors and random scripts, step by step through core, wasm and napi.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { overNapi, overWasm, traces } from "./engines.ts";
import { type EngineOf, play, type Script } from "./script.ts";

const folder = new URL("../../vectors/", import.meta.url);
const engines: readonly (readonly [string, EngineOf])[] = [
  ["wasm", overWasm],
  ["napi", overNapi],
];

const files = readdirSync(folder).filter((name) => name.endsWith(".json"));

test("the vectors are there", () => {
  assert.ok(files.length > 3);
});

for (const [name, engineOf] of engines)
  for (const file of files)
    test(`${name} says what ${file} says`, () => {
      for (const script of JSON.parse(readFileSync(new URL(file, folder), "utf8")))
        assertPlays(script, engineOf);
    });

test("random scripts come out of core, wasm and napi alike", (context) => {
  const seed = Number(process.env["SEED"] ?? 1 + Math.floor(Math.random() * 1e9));
  context.diagnostic(`SEED=${seed}`);
  const scripts = traces<Script>(["random", String(seed), "300", "150"]);
  assert.equal(scripts.length, 300);
  for (const script of scripts) for (const [, engineOf] of engines) assertPlays(script, engineOf);
});

test("an engine that says something else is noticed", () => {
  const [, engineOf] = engines[0] ?? assert.fail();
  const [script] = traces<Script>(["random", "1", "1", "50"]);
  const forged = { ...script, policy: { retryDelayMs: 1, minValidityMs: 100_000 } } as Script;
  assert.throws(() => assertPlays(forged, engineOf), assert.AssertionError);
});

function assertPlays(script: Script, engineOf: EngineOf): void {
  for (const [number, line] of play(script, engineOf).entries()) {
    const [input, expected] = script.steps[number] ?? assert.fail();
    assert.equal(line, expected, `${script.name}, step ${number}: ${JSON.stringify(input)}`);
  }
}
