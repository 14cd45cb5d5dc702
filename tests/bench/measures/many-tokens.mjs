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
const msalOne = "msal-node, 1 held";
const msalMany = "msal-node, 1,000 held";

const subjects = [
  await subject(one, withTokenCache(source()), oneScope),
  await subject(many, withTokenCache(source()), everyScope),
  await subject(msalOne, msalNode(source()), oneScope),
  await subject(msalMany, msalNode(source()), everyScope),
];
const timings = await interleave(subjects, { rounds });

report({
  values: {
    "many.self": timings.ratio(many, one),
    "many.msal": timings.ratio(msalMany, many),
  },
  table: { title: "Nanoseconds a hit, tokens held, asked in turn", cells: timings.all() },
});

/** Both ask through a list of 1,000 scopes: the loop is the same. */
async function subject(name, credential, scopes) {
  for (const scope of new Set(scopes)) await credential.getToken(scope);
  return { name, run: loopOf(`credential.getToken(scopes[i % ${held}])`, { credential, scopes }) };
}
