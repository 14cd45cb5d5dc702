// A store on Redis keeps every promise of a TokenStore, by whichever client.
import { type TestContext, test } from "node:test";
import type { TokenStore } from "azure-token-cache";
import { redisTokenStore } from "azure-token-cache/redis";
import { tokenStoreChecks } from "azure-token-cache/testing";
import { createClient as createClient4 } from "redis-4";
import { createClient as createClient5 } from "redis-5";
import { RedisServer } from "./redis-server.ts";
import { key, patienceMs } from "./subject.ts";

async function check(context: TestContext, open: (prefix: string) => TokenStore): Promise<void> {
  for (const { name, run } of tokenStoreChecks(open)) await context.test(name, run);
}

test("redis 6 over a unix socket", async (context) => {
  await using server = await RedisServer.start();
  const client = await server.connect({ socket: { path: server.socket, tls: false } });
  await check(context, (prefix) => redisTokenStore(client, { key, prefix, patienceMs }));
});

test("redis 6 with the older protocol and keys that the client prefixes", async (context) => {
  await using server = await RedisServer.start();
  const client = await server.connect({ url: server.url, RESP: 2, keyPrefix: "app:" });
  await check(context, (prefix) => redisTokenStore(client, { key, prefix, patienceMs }));
});

test("redis 5", async (context) => {
  await using server = await RedisServer.start();
  const client = createClient5({ url: server.url }).on("error", () => {});
  await client.connect();
  await check(context, (prefix) => redisTokenStore(client, { key, prefix, patienceMs }));
  client.destroy();
});

test("redis 4", async (context) => {
  await using server = await RedisServer.start();
  const client = createClient4({ url: server.url }).on("error", () => {});
  await client.connect();
  await check(context, (prefix) => redisTokenStore(client, { key, prefix, patienceMs }));
  await client.disconnect();
});

test("two keys, the second of which sealed before", async (context) => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  const newer = new Uint8Array(32).fill(9);
  await check(context, (prefix) => redisTokenStore(client, { keys: [newer, key], prefix, patienceMs }));
});

test("two machines of a fleet, each with a client of its own", async (context) => {
  await using server = await RedisServer.start();
  const clients = await Promise.all([server.connect(), server.connect()]);
  let opened = 0;
  await check(context, (prefix) => {
    const client = clients[opened++ % 2] as (typeof clients)[0];
    return redisTokenStore(client, { key, prefix, patienceMs });
  });
});
