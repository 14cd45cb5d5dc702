// What a hit costs when 1,000 tokens are held, beside one held token and beside msal-node.
import { withTokenCache } from "azure-token-cache";
import { report } from "../child.mjs";
import { interleave, loopOf } from "../interleave.mjs";
import { msalNode } from "../peers.mjs";
import { source } from "../sources.mjs";

const rounds = 61;
const held = 1000;
const everyScope = Array.from({ length: held }, (_, index) => `https://vault-${index}.azure.net/.default`);
const oneScope = everyScope.map(() => everyScope[0]);

const one = "azure-token-cache, 1 held";
const many = "azure-token-cache, 1,000 held";
const bareOne = "a bare Map of promises and Date.now(), 1 held";
const bareMany = "a bare Map of promises and Date.now(), 1,000 held";
const msalOne = "msal-node, 1 held";
const msalMany = "msal-node, 1,000 held";

// msal-node's megabytes would push the 1,000 tokens out of the processor's cache before each of their turns.
const own = await interleave(
  [
    await subject(one, withTokenCache(source()), oneScope),
    await subject(many, withTokenCache(source()), everyScope),
    await subject(bareOne, bareMap(source()), oneScope),
    await subject(bareMany, bareMap(source()), everyScope),
  ],
  { rounds },
);
const beside = await interleave(
  [
    await subject(many, withTokenCache(source()), everyScope),
    await subject(msalOne, msalNode(source()), oneScope),
    await subject(msalMany, msalNode(source()), everyScope),
  ],
  { rounds },
);

report({
  values: {
    "many.self": own.ratio(many, one),
    "many.msal": beside.ratio(msalMany, many),
  },
  table: {
    title: "Nanoseconds a hit, tokens held, asked in turn",
    cells: { ...beside.all(), ...own.all() },
  },
});

/** The least that a cache by scope can do: it shows what the Map itself costs. */
function bareMap(credential) {
  const held = new Map();
  return {
    getToken(scope) {
      const known = held.get(scope);
      if (known !== undefined && Date.now() > 0) return known;
      const token = credential.getToken(scope);
      held.set(scope, token);
      return token;
    },
  };
}

/** Both ask through a list of 1,000 scopes: the loop is the same. */
async function subject(name, credential, scopes) {
  for (const scope of new Set(scopes)) await credential.getToken(scope);
  return { name, run: loopOf(`credential.getToken(scopes[i % ${held}])`, { credential, scopes }) };
}
