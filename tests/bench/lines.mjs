// What the cache must reach: one line per promise, with the measure that finds its number.

const both = [20, 24];
/** The stand-in for Entra ID is in TypeScript. */
const withStand = ["--import", "tsx"];

/** Which program finds the values, under which Node, with which flags, in what time. */
export const measures = {
  hits: { nodes: both },
  "many-tokens": { nodes: both },
  watched: { nodes: both },
  allocated: { nodes: both, flags: ["--expose-gc", "--min-semi-space-size=64", "--max-semi-space-size=64"] },
  "entry-size": { nodes: both, flags: ["--expose-gc"] },
  crowds: { nodes: both, flags: ["--expose-gc", "--min-semi-space-size=64", "--max-semi-space-size=64"] },
  failures: { nodes: both },
  size: { nodes: [24] },
  start: { nodes: [24] },
  shim: { nodes: [24], flags: withStand },
  "machine-crowd": { nodes: [24], flags: withStand },
  "fresh-process": { nodes: both, flags: withStand },
  "store-hits": { nodes: both },
  // It compiles first.
  core: { nodes: [24], limitMs: 1_800_000 },
};

/** `value` is a key of what the measure reports; `atMost` and `atLeast` are in `unit`. */
export const lines = [
  {
    measure: "hits",
    value: "hit.string",
    says: "hit, fixed kind, beside the floor",
    atMost: 1.15,
    unit: "x",
  },
  {
    measure: "hits",
    value: "hit.unrecognised",
    says: "hit, unrecognised kind, beside the floor",
    atMost: 1.15,
    unit: "x",
  },
  { measure: "hits", value: "hit.options", says: "hit with { tenantId, enableCae }", atMost: 1.5, unit: "x" },
  { measure: "hits", value: "hit.array", says: "hit with [scope]", atMost: 1.5, unit: "x" },
  { measure: "hits", value: "hit.twoScopes", says: "hit with [scope, scope]", atMost: 1.5, unit: "x" },
  { measure: "hits", value: "hit.json", says: "faster than a Map keyed by JSON", atLeast: 2.5, unit: "x" },
  { measure: "hits", value: "hit.jsonOptions", says: "the same with options", atLeast: 4, unit: "x" },
  {
    measure: "hits",
    value: "hit.pipeline",
    says: "faster than core-rest-pipeline's policy",
    atLeast: 10,
    unit: "x",
  },
  {
    measure: "hits",
    value: "hit.clientSecret",
    says: "faster than ClientSecretCredential",
    atLeast: 250,
    unit: "x",
  },
  {
    measure: "many-tokens",
    value: "many.self",
    says: "1,000 tokens held, beside one",
    atMost: 1.3,
    unit: "x",
  },
  {
    measure: "many-tokens",
    value: "many.msal",
    says: "faster than msal-node there",
    atLeast: 2000,
    unit: "x",
  },
  {
    measure: "watched",
    value: "watched.us",
    says: "watched az credential, a checked hit",
    atMost: 5,
    unit: "us",
  },
  { measure: "watched", value: "watched.checks", says: "checks a millisecond", atMost: 1, unit: "" },
  {
    measure: "allocated",
    value: "hit.bytes",
    says: "allocated a hit, beyond the caller's own",
    atMost: 16,
    unit: "B",
  },
  {
    measure: "entry-size",
    value: "entry.heap",
    says: "heap per entry, its token of 1,500 characters included, beside the JSON-keyed map",
    atMost: 1.2,
    unit: "x",
  },
  { measure: "crowds", value: "cold.fetches", says: "10,000 cold calls: fetches", atMost: 1, unit: "" },
  {
    measure: "crowds",
    value: "cold.time",
    says: "10,000 cold calls, beside the fetch's time",
    atMost: 1.1,
    unit: "x",
  },
  { measure: "crowds", value: "cold.megabytes", says: "10,000 cold calls: memory", atMost: 3, unit: "MB" },
  {
    measure: "crowds",
    value: "due.fetches",
    says: "1,000 callers when it becomes due: fetches",
    atMost: 1,
    unit: "",
  },
  {
    measure: "crowds",
    value: "due.p99",
    says: "1,000 callers when it becomes due: p99 wait",
    atMost: 1,
    unit: "ms",
  },
  {
    measure: "failures",
    value: "failing.attempts",
    says: "failing source, 200 calls/s, 5 s: attempts",
    atMost: 6,
    unit: "",
  },
  {
    measure: "failures",
    value: "outage.errors",
    says: "all refreshes fail, token valid: errors seen",
    atMost: 0,
    unit: "",
  },
  { measure: "size", value: "wasm.raw", says: "wasm", atMost: 40, unit: "KB" },
  { measure: "size", value: "wasm.gzip", says: "wasm, gzipped", atMost: 18, unit: "KB" },
  {
    measure: "start",
    value: "start.added",
    says: "import and wrap, over an empty program",
    atMost: 8,
    unit: "ms",
  },
  {
    measure: "shim",
    value: "get-token.true",
    says: "azure-token-cache get-token, beside /bin/true",
    atMost: 4,
    unit: "x",
  },
  {
    measure: "shim",
    value: "shim.true",
    says: "az account get-access-token through the shim, beside /bin/true",
    atMost: 4,
    unit: "x",
  },
  {
    measure: "shim",
    value: "get-token.az",
    says: "azure-token-cache get-token, faster than az",
    atLeast: 100,
    unit: "x",
  },
  {
    measure: "shim",
    value: "shim.az",
    says: "az account get-access-token through the shim, faster than az",
    atLeast: 100,
    unit: "x",
  },
  {
    measure: "shim",
    value: "get-token.megabytes",
    says: "azure-token-cache get-token: peak memory",
    atMost: 8,
    unit: "MB",
  },
  {
    measure: "shim",
    value: "shim.megabytes",
    says: "az account get-access-token through the shim: peak memory",
    atMost: 8,
    unit: "MB",
  },
  {
    measure: "shim",
    value: "python.az",
    says: "Python's get_token through the shim, faster than with az",
    atLeast: 15,
    unit: "x",
  },
  {
    measure: "shim",
    value: "terraform.az",
    says: "terraform's four calls through the shim, faster than with az",
    atLeast: 50,
    unit: "x",
  },
  {
    measure: "machine-crowd",
    value: "machine.fetches",
    says: "64 processes cold at once: fetches",
    atMost: 1,
    unit: "",
  },
  {
    measure: "machine-crowd",
    value: "machine.last",
    says: "64 processes cold at once: the last one, after the fetch",
    atMost: 1500,
    unit: "ms",
  },
  {
    measure: "fresh-process",
    value: "fresh.over",
    says: "start to a stored token, over 1.25x an empty program",
    atMost: 5,
    unit: "ms",
  },
  {
    measure: "store-hits",
    value: "store.hit",
    says: "hit with a store, beside none",
    atMost: 1.05,
    unit: "x",
  },
  {
    measure: "store-hits",
    value: "store.hitOptions",
    says: "hit with a store, [scope] and options, beside none",
    atMost: 1.05,
    unit: "x",
  },
  { measure: "core", value: "core.decision", says: "core: a decision by entry id", atMost: 5, unit: "ns" },
  {
    measure: "core",
    value: "core.entryBytes",
    says: "core: an entry, 1,000,000 held",
    atMost: 160,
    unit: "B",
  },
  { measure: "core", value: "core.sweep", says: "core: 1,000,000 expiries swept", atMost: 5, unit: "ms" },
];

/** The line's number beside its target. */
export function isMet(line, measured) {
  if (!Number.isFinite(measured)) return false;
  return line.atMost === undefined ? measured >= line.atLeast : measured <= line.atMost;
}
