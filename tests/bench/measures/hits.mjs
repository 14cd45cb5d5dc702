// How long a hit takes: one token held, in every shape of call, beside the peers.
import { withTokenCache } from "azure-token-cache";
import { report } from "../child.mjs";
import { interleave, loopOf } from "../interleave.mjs";
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
import { benchScope, source, tokenNumbered } from "../sources.mjs";

const rounds = 101;
const tenantId = "00000000-0000-4000-8000-0000000000cc";
const secondScope = "https://storage.azure.com/.default";

const shapes = {
  string: "getToken(scope)",
  options: "getToken(scope, { tenantId, enableCae: true })",
  array: "getToken([scope])",
  twoScopes: "getToken([scope, secondScope])",
  sdk: "getToken([scope], { enableCae: true, tracingOptions })",
};

const identity = await azureIdentity();
const ours = {
  "fixed kind": withTokenCache(clientSecretCredential(source(), identity)),
  "unrecognised kind": withTokenCache(source()),
};
const stored = { token: tokenNumbered(0), expiresOnTimestamp: Date.now() + 3_600_000 };
const floor = {
  async getToken() {
    return Date.now() < stored.expiresOnTimestamp ? stored : undefined;
  },
};
const peers = {
  "a Map keyed by JSON": jsonMap(source()),
  "lru-cache": lruCache(source()),
  "p-memoize": pMemoized(source()),
  "@smithy/core memoize": smithy(source()),
  "core-rest-pipeline policy": pipelinePolicy(source()),
  "msal-node": msalNode(source()),
  ClientSecretCredential: clientSecretCredential(source(), identity),
};

const subjects = [subject("floor", floor, "string")];
for (const shape of Object.keys(shapes))
  for (const [kind, credential] of Object.entries(ours))
    subjects.push(subject(nameOf(kind, shape), credential, shape));
for (const [name, peer] of Object.entries(peers)) subjects.push(subject(name, peer, "string"));
subjects.push(subject("a Map keyed by JSON, options", jsonMap(source()), "options"));

for (const { once } of subjects) await once();
const timings = await interleave(subjects, { rounds });

const best = nameOf("fixed kind", "string");
report({
  values: {
    "hit.string": timings.ratio(best, "floor"),
    "hit.unrecognised": timings.ratio(nameOf("unrecognised kind", "string"), "floor"),
    "hit.options": worst("options"),
    "hit.array": worst("array"),
    "hit.twoScopes": worst("twoScopes"),
    "hit.json": timings.ratio("a Map keyed by JSON", best),
    "hit.jsonOptions": timings.ratio("a Map keyed by JSON, options", nameOf("fixed kind", "options")),
    "hit.pipeline": timings.ratio("core-rest-pipeline policy", best),
    "hit.clientSecret": timings.ratio("ClientSecretCredential", best),
  },
  table: { title: "Nanoseconds a hit", cells: timings.all() },
});

function worst(shape) {
  return Math.max(...Object.keys(ours).map((kind) => timings.ratio(nameOf(kind, shape), "floor")));
}

function nameOf(kind, shape) {
  return `azure-token-cache, ${kind}, ${shapes[shape].slice("getToken".length)}`;
}

function subject(name, credential, shape) {
  const names = { credential, scope: benchScope, secondScope, tenantId, tracingOptions: {} };
  const run = loopOf(`credential.${shapes[shape]}`, names);
  return { name, run, once: () => run(1) };
}
