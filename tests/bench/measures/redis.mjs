// What a store on Redis costs: nothing of a hit, and where the server is down one wait before the first token.
import { createServer } from "node:net";
import { withTokenCache } from "azure-token-cache";
import { redisTokenStore } from "azure-token-cache/redis";
import { RedisServer } from "../../js/redis/redis-server.ts";
import { report } from "../child.mjs";
import { interleave, loopOf, median } from "../interleave.mjs";
import { benchScope, source } from "../sources.mjs";

/** About what Entra ID takes. */
const fetchMs = 300;
const rounds = 15;
/** A first token may take so much of its time without a store, and the milliseconds that the line names. */
const share = 1.05;
const fixed = { identity: "fixed", partition: "bench" };
const key = new Uint8Array(32);

const server = await RedisServer.start();
const client = await server.connect();
const operations = async () => {
  const said = await client.info("commandstats");
  const calls = [...said.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)];
  return calls.reduce((sum, [, count]) => sum + Number(count), 0);
};

const credentials = {
  without: withTokenCache(source(), fixed),
  with: withTokenCache(source(), { ...fixed, store: redisTokenStore(client, { key }) }),
};
const hits = Object.entries(credentials).map(([name, credential]) => ({
  name,
  run: loopOf("credential.getToken(scope)", { credential, scope: benchScope }),
}));
for (const { run } of hits) await run(1);
// What is left to do behind the first token is done.
while ((await client.keys("*:0")).length > 0);
const before = await operations();
const timings = await interleave(hits, { rounds: 101 });
const asked = (await operations()) - before;

const silent = createServer(() => {});
await new Promise((resolve) => silent.listen(0, "127.0.0.1", resolve));
const away = await RedisServer.start();
await away.kill();
const frozen = await RedisServer.start();

/** How a process finds its server when it starts. */
const stores = {
  "no store": async () => undefined,
  "nothing listens": async () => connecting(away.client()),
  "nobody answers": async () =>
    connecting(away.client({ url: `redis://127.0.0.1:${silent.address().port}` })),
  "stands still once connected": async () => {
    frozen.resume();
    const connected = await frozen.connect();
    frozen.freeze();
    return redisTokenStore(connected, { key });
  },
};

const noTimes = () => Object.fromEntries(Object.keys(stores).map((name) => [name, []]));
const [first, second] = [noTimes(), noTimes()];
for (let round = -1; round < rounds; round += 1)
  for (const [name, open] of Object.entries(stores)) {
    const store = await open();
    const credential = withTokenCache(source({ delayMs: fetchMs }), { ...fixed, ...(store && { store }) });
    const times = [await timed(credential, "one"), await timed(credential, "another")];
    if (round < 0) continue;
    first[name].push(times[0]);
    second[name].push(times[1]);
  }
frozen.resume();
await Promise.all([server, away, frozen].map((each) => each[Symbol.asyncDispose]()));
silent.close();

const [noStore, ...downs] = Object.keys(stores);
const worst = (ratio) => Math.max(...downs.map(ratio));
report({
  values: {
    "redis.hit": timings.ratio("with", "without"),
    "redis.hitOperations": asked,
    "redis.downFirst": worst((name) => median(first[name]) - share * median(first[noStore])),
    "redis.downNext": worst((name) => median(second[name]) / median(second[noStore])),
  },
  table: {
    title: `Milliseconds to a token that takes ${fetchMs} ms, with a Redis server that is down from the start`,
    cells: Object.fromEntries(
      Object.keys(stores).flatMap((name) => [
        [`${name}, first token`, median(first[name])],
        [`${name}, next one`, median(second[name])],
      ]),
    ),
  },
});
function connecting(client) {
  client.connect().catch(() => {});
  return redisTokenStore(client, { key });
}

async function timed(credential, scope) {
  const began = performance.now();
  await credential.getToken(scope);
  return performance.now() - began;
}
