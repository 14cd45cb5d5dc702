// Bytes allocated a hit, beyond what the caller's own await of a settled promise allocates.
import { withTokenCache } from "azure-token-cache";
import { report } from "../child.mjs";
import { loopOf, median } from "../interleave.mjs";
import {
  azureIdentity,
  clientSecretCredential,
  jsonMap,
  lruCache,
  pipelinePolicy,
  smithy,
} from "../peers.mjs";
import { benchScope, source } from "../sources.mjs";

const hits = 2000;
const warmUpHits = 200_000;
const hitsOfSlow = 500;
const rounds = 15;

const settled = Promise.resolve({ token: "t", expiresOnTimestamp: 0 });
const own = loopOf("settled", { settled });
const slowest = "ClientSecretCredential";
const subjects = {
  "azure-token-cache": withTokenCache(source()),
  "a Map keyed by JSON": jsonMap(source()),
  "lru-cache": lruCache(source()),
  "@smithy/core memoize": smithy(source()),
  "core-rest-pipeline policy": pipelinePolicy(source()),
  [slowest]: clientSecretCredential(source(), await azureIdentity()),
};

const cells = {};
for (const [name, credential] of Object.entries(subjects)) {
  const loop = loopOf("credential.getToken(scope)", { credential, scope: benchScope });
  cells[name] = await allocatedBy(loop, name === slowest ? hitsOfSlow : hits);
}
report({
  values: { "hit.bytes": cells["azure-token-cache"] },
  table: { title: "Bytes allocated a hit beyond the caller's await", cells },
});

async function allocatedBy(loop, count) {
  const [ours, theirs] = [[], []];
  await loop(count === hits ? warmUpHits : 10 * count);
  await own(warmUpHits);
  for (let round = 0; round < rounds; round += 1) {
    ours.push(await bytesOf(loop, count));
    theirs.push(await bytesOf(own, count));
  }
  return Math.round((median(ours) - median(theirs)) * 10) / 10;
}

/** What twice as many hits allocate more: what a run itself allocates falls out. */
async function bytesOf(loop, count) {
  const once = await allocatedIn(loop, count);
  return ((await allocatedIn(loop, 2 * count)) - once) / count;
}

/** The young generation is given room for a whole run (see lines.mjs): nothing is collected in between. */
async function allocatedIn(loop, count) {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  await loop(count);
  return process.memoryUsage().heapUsed - before;
}
