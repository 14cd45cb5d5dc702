// Heap that one held token takes, beside a hand-written map: all that an entry keeps alive, the token included.
import { withTokenCache } from "azure-token-cache";
import { report } from "../child.mjs";
import { jsonMap, lruCache } from "../peers.mjs";

const entries = 10_000;
/** As Entra ID's are. */
const tokenLength = 1500;

const map = await bytesAnEntry((credential) => jsonMap(credential));
const lru = await bytesAnEntry((credential) => lruCache(credential, { max: entries }));
const ours = await bytesAnEntry((credential) => withTokenCache(credential, { maxEntries: entries }));

/** A string is 16 bytes and its characters, in whole words of 8. */
const common = stringBytes(tokenLength) + stringBytes(scopeNumbered("vault", 1000).length);

report({
  values: { "entry.heap": ours.heap / map.heap },
  table: {
    title: "Bytes an entry beside its token and its scope",
    cells: {
      "a Map keyed by JSON": map.heap - common,
      "lru-cache": lru.heap - common,
      "azure-token-cache": ours.heap - common,
      "azure-token-cache, its wasm memory": ours.outside,
    },
  },
});

/** What `entries` tokens add to a cache that already holds some; the first of them pays for what is made once. */
async function bytesAnEntry(make) {
  const cache = make(freshTokens());
  await fill(cache, "first", 100);
  const before = memory();
  await fill(cache, "vault", entries - 100);
  const after = memory();
  await cache.getToken(scopeNumbered("first", 0));
  return {
    heap: (after.heapUsed - before.heapUsed) / (entries - 100),
    outside: (after.external - before.external) / (entries - 100),
  };
}

async function fill(cache, name, count) {
  for (let index = 0; index < count; index += 1) await cache.getToken(scopeNumbered(name, index));
}

function freshTokens() {
  let made = 0;
  return {
    async getToken() {
      made += 1;
      return {
        token: flat(`t${made}.`.padEnd(tokenLength, "x")),
        expiresOnTimestamp: Date.now() + 3_600_000,
      };
    },
  };
}

function memory() {
  for (let round = 0; round < 4; round += 1) globalThis.gc();
  return process.memoryUsage();
}

function stringBytes(length) {
  return 16 + Math.ceil(length / 8) * 8;
}

function scopeNumbered(name, index) {
  return flat(`https://${name}-${index}.azure.net/.default`);
}

/** A concatenation is a rope until it is read; this is one piece. */
function flat(text) {
  return Buffer.from(text).toString("latin1");
}
