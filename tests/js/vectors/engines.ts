// The engine over wasm, over napi out of the addon, and core itself as a program.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createEngine, type PolicyOption } from "azure-token-cache/core";
import { nativeEngine } from "../../../node/ts/native-engine.ts";
import { policyNumbers } from "../../../wasm/ts/policy.ts";
import type { EngineOf, Script } from "./script.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

export const overWasm: EngineOf = (policy, maxEntries, seed) =>
  createEngine({ policy: optionOf(policy), maxEntries, seed });

export const overNapi: EngineOf = (policy, maxEntries, seed) => {
  const module = nativeEngine();
  assert.ok(module, "the addon is built, and has the engine");
  const engine = module.create(policyNumbers(optionOf(policy), module), maxEntries, seed);
  if (engine === undefined) throw new RangeError("not a policy");
  return engine;
};

/** What the crate of these tests prints, one JSON a line. */
export function traces<T>(args: readonly string[], input = ""): T[] {
  const command = [
    "run",
    "--quiet",
    "--locked",
    "--package",
    "azure-token-cache-tests",
    "--bin",
    "traces",
    "--",
  ];
  const printed = cargo(...command, ...args, { input });
  return printed
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

function optionOf(policy: Script["policy"]): PolicyOption {
  return policy === "default" ? {} : policy;
}

function cargo(...args: (string | { input: string })[]): string {
  const words = args.filter((arg) => typeof arg === "string");
  const options = args.find((arg) => typeof arg === "object");
  return execFileSync("cargo", words, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 30,
    env: { ...process.env, CARGO_NET_OFFLINE: "true" },
    ...options,
  });
}
