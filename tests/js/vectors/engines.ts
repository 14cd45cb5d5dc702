// The engine over wasm, and over napi from an addon that is built for these tests alone.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { createEngine, type Engine, type Policy } from "azure-token-cache/core";
import type { EngineOf, Script } from "./script.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** The numbers of a policy, in core's order. */
const policyNames: readonly (keyof Policy)[] = [
  "refreshBeforeExpiryMs",
  "backgroundMinValidityMs",
  "minValidityMs",
  "halfLife",
  "retryDelayMs",
  "retryDelayMaxMs",
  "retryJitterPercent",
  "failureMemoryMs",
  "failureMemoryMaxMs",
  "networkFailureMemoryMs",
  "fetchLimitMs",
  "interactiveFetchLimitMs",
  "scaleShortLives",
  "tolerateRepeats",
];

export const overWasm: EngineOf = (policy, maxEntries, seed) =>
  createEngine({ policy: policy === "default" ? {} : policy, maxEntries, seed });

/** Builds the addon with the engine in it, and loads it. */
export function buildOverNapi(): EngineOf {
  cargo("build", "--quiet", "--locked", "--package", "azure-token-cache-node", "--features", "engine");
  const file = `${root}target/engine/engine-${process.pid}.node`;
  mkdirSync(`${root}target/engine`, { recursive: true });
  copyFileSync(`${root}target/debug/libazure_token_cache_node.so`, `${file}.new`);
  renameSync(`${file}.new`, file);
  const addon: Addon = createRequire(import.meta.url)(file);
  return (policy, maxEntries, seed) => {
    const engine = addon.createEngine(numbersOf(policy, addon), maxEntries, seed);
    if (engine === null) throw new RangeError("not a policy");
    return engine;
  };
}

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

interface Addon {
  defaultPolicy(): number[];
  azureIdentityPolicy(): number[];
  createEngine(policy: number[], maxEntries: number, seed: number): Engine | null;
}

function numbersOf(policy: Script["policy"], addon: Addon): number[] {
  if (policy === "azure-identity") return addon.azureIdentityPolicy();
  const changes: Partial<Policy> = policy === "default" ? {} : policy;
  return addon.defaultPolicy().map((number, place) => {
    const name = policyNames[place];
    return name === undefined ? number : Number(changes[name] ?? number);
  });
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
