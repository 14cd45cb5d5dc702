// A source that always fails under steady calls, and refreshes that all fail while the token is still valid.
import { mock } from "node:test";
import { withTokenCache } from "azure-token-cache";
import { ManualClock } from "azure-token-cache/testing";
import { report } from "../child.mjs";
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
import { after, benchScope, source } from "../sources.mjs";

const failMs = 50;
const everyMs = 5;
const lastsMs = 5000;
const hourMs = 3_600_000;
const minValidityMs = 2000;

const identity = await azureIdentity();
const joining = {
  "lru-cache": (credential) => lruCache(credential),
  "p-memoize": pMemoized,
  "@smithy/core memoize": smithy,
  "core-rest-pipeline policy": pipelinePolicy,
};
/** These start an attempt for every call, and would slow the others down. */
const others = {
  "a Map keyed by JSON": jsonMap,
  "msal-node": msalNode,
  ClientSecretCredential: (credential) => clientSecretCredential(credential, identity),
};

const ours = { "azure-token-cache": (credential) => withTokenCache(credential) };
const attempts = {
  ...(await attemptsUnderFire({ ...ours, ...joining })),
  ...(await attemptsUnderFire(others)),
};
const errors = { "azure-token-cache": await ownErrorsInOutage() };
for (const [name, make] of Object.entries({ ...joining, ...others }))
  errors[name] = await peerErrorsInOutage(make);

report({
  values: { "failing.attempts": attempts["azure-token-cache"], "outage.errors": errors["azure-token-cache"] },
  table: { title: "Attempts on a source that fails, 200 calls/s for 5 s", cells: attempts },
  also: [{ title: "Callers who saw an error in the last 5 min of a valid token, of 299", cells: errors }],
});

/** Real time; all that are given, in the same five seconds. */
async function attemptsUnderFire(subjects) {
  const rows = Object.entries(subjects).map(([name, make]) => {
    const credential = source({ delayMs: failMs, fails: true });
    return { name, credential, cache: make(credential) };
  });
  const calls = [];
  const began = performance.now();
  for (let call = 0; call < lastsMs / everyMs; call += 1) {
    const early = began + call * everyMs - performance.now();
    if (early > 0) await after(early);
    for (const { cache } of rows) calls.push(cache.getToken(benchScope).catch(() => undefined));
  }
  await Promise.all(calls);
  return Object.fromEntries(rows.map(({ name, credential }) => [name, credential.state.attempts]));
}

async function ownErrorsInOutage() {
  const clock = new ManualClock();
  const credential = source({ now: () => clock.unixMillis() });
  const cache = withTokenCache(credential, { clock });
  return errorsInOutage(credential, cache, (ms) => clock.advance(ms));
}

/** Peers read `Date`. */
async function peerErrorsInOutage(make) {
  mock.timers.enable({ apis: ["Date"], now: Date.now() });
  try {
    const credential = source();
    return await errorsInOutage(credential, make(credential), (ms) => mock.timers.tick(ms));
  } finally {
    mock.timers.reset();
  }
}

/** One call a second, from 300 s left until what is left is the least that may be served. */
async function errorsInOutage(credential, cache, advance) {
  await cache.getToken(benchScope);
  credential.state.fails = true;
  await advance(hourMs - 301_000);
  let errors = 0;
  for (let left = 300_000; left > minValidityMs; left -= 1000) {
    await advance(1000);
    await cache.getToken(benchScope).catch(() => {
      errors += 1;
    });
  }
  return errors;
}
