// Crowds: 10,000 callers on nothing, 1,000 callers at the moment the token becomes due.
import { withTokenCache } from "azure-token-cache";
import { ManualClock } from "azure-token-cache/testing";
import { report } from "../child.mjs";
import { median, percentile } from "../interleave.mjs";
import {
  azureIdentity,
  clientSecretCredential,
  jsonMap,
  lruCache,
  msalNode,
  pipelinePolicy,
  pMemoized,
  smithy,
} from "../peers.mjs";
import { benchScope, source } from "../sources.mjs";

const coldCallers = 10_000;
const dueCallers = 1000;
const fetchMs = 50;
const rounds = 9;
const dueAtLeftMs = 300_000;

const identity = await azureIdentity();
const subjects = {
  "azure-token-cache": (credential) => withTokenCache(credential),
  "a Map keyed by JSON": jsonMap,
  "lru-cache": (credential) => lruCache(credential),
  "p-memoize": pMemoized,
  "@smithy/core memoize": smithy,
  "core-rest-pipeline policy": pipelinePolicy,
  "msal-node": msalNode,
  ClientSecretCredential: (credential) => clientSecretCredential(credential, identity),
};

const cold = await coldOnes();
const due = await dueOnes();
report({
  values: {
    "cold.fetches": cold.ours.fetches,
    "cold.time": cold.ours.time,
    "cold.megabytes": cold.ours.megabytes,
    "due.fetches": due.fetches,
    "due.p99": due.p99,
  },
  table: { title: "Fetches of 10,000 concurrent cold calls", cells: cold.fetches },
});

async function coldOnes() {
  const fetches = {};
  let ours;
  for (const [name, make] of Object.entries(subjects)) {
    const runs = [];
    for (let round = 0; round < (name === "azure-token-cache" ? rounds : 1); round += 1)
      runs.push(await crowd(make));
    fetches[name] = Math.max(...runs.map((run) => run.fetches));
    if (name === "azure-token-cache") {
      ours = {
        fetches: fetches[name],
        time: median(runs.map((run) => run.ms / run.aloneMs)),
        megabytes: Math.max(...runs.map((run) => run.megabytes)),
      };
    }
  }
  return { fetches, ours };
}

/** The time beside one call straight to the source; the memory is what the calls in flight hold, the caller's list of them included. */
async function crowd(make) {
  const credential = source({ delayMs: fetchMs });
  const began = performance.now();
  await credential.getToken(benchScope);
  const aloneMs = performance.now() - began;

  const counted = source({ delayMs: fetchMs });
  const cache = make(counted);
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  const start = performance.now();
  const calls = Array.from({ length: coldCallers }, () => cache.getToken(benchScope));
  const held = process.memoryUsage().heapUsed - before;
  await Promise.all(calls);
  return { fetches: counted.state.attempts, ms: performance.now() - start, aloneMs, megabytes: held / 1e6 };
}

async function dueOnes() {
  const runs = [];
  for (let round = 0; round < rounds; round += 1) runs.push(await dueOnce());
  return {
    fetches: Math.max(...runs.map((run) => run.fetches)),
    p99: median(runs.map((run) => run.p99)),
  };
}

/** Each caller's own wait: from its call until its token. */
async function dueOnce() {
  const clock = new ManualClock();
  const credential = source({ delayMs: fetchMs, now: () => clock.unixMillis() });
  const cache = withTokenCache(credential, { clock });
  const { expiresOnTimestamp } = await cache.getToken(benchScope);
  await clock.advance(expiresOnTimestamp - clock.unixMillis() - dueAtLeftMs - 1000);
  await cache.getToken(benchScope);
  const { attempts } = credential.state;
  await clock.advance(1000);
  const waits = await Promise.all(Array.from({ length: dueCallers }, () => waitOf(cache)));
  // A fetch behind may begin when the callers have gone.
  await new Promise((resolve) => setImmediate(resolve));
  return { fetches: credential.state.attempts - attempts, p99: percentile(waits, 99) };
}

async function waitOf(cache) {
  const began = performance.now();
  await cache.getToken(benchScope);
  return performance.now() - began;
}
