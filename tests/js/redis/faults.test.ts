// Whatever becomes of the server, tokens come from memory and from the credential, events say why, and nothing hangs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { redisTokenStore } from "azure-token-cache/redis";
import { canaryMark, fakeToken } from "../../leaks/search.mjs";
import { Machine } from "./machine.ts";
import { type Client, freePort, RedisServer } from "./redis-server.ts";
import { SpoiltWay } from "./spoilt-way.ts";
import { entry, key, patienceMs, tokenIn, tokenOf, until } from "./subject.ts";

/** Long enough for a server that answers on a loaded machine, short enough to wait for one that does not. */
const shortMs = 1_000;

function open(client: Client, patience = shortMs) {
  return redisTokenStore(client, { key, patienceMs: patience });
}

/** Every machine has its tokens, whatever happened; and from its memory where it has one. */
async function keepsServing(machine: Machine): Promise<void> {
  const before = machine.fetches;
  const fresh = `scope ${before}`;
  assert.match((await machine.get(fresh)) ?? "", new RegExp(canaryMark));
  assert.equal(machine.fetches, before + 1, "a new token comes from the credential");
  await Promise.all(Array.from({ length: 20 }, () => machine.get(fresh)));
  assert.equal(machine.fetches, before + 1, "a held one from memory");
}

/** From now on another machine finds what this one fetched. */
async function shares(machine: Machine, other: Machine): Promise<void> {
  let number = 0;
  await until(async () => {
    number += 1;
    return (await machine.get(`shared ${number}`)) === (await other.get(`shared ${number}`));
  });
}

test("a server that was never there costs one wait, and no fetch more", async () => {
  await using server = await RedisServer.start();
  await server.kill();
  const client = server.client();
  client.connect().catch(() => {});
  const machine = new Machine(open(client, 250));
  await keepsServing(machine);
  await keepsServing(machine);
  assert.deepEqual(machine.failed, ["load REDIS_UNREACHABLE", "lock REDIS_UNREACHABLE"]);
});

test("a server that comes late is used from then on", async () => {
  await using server = await RedisServer.start();
  await server.kill();
  const [client, other] = [server.client(), server.client()];
  for (const each of [client, other]) each.connect().catch(() => {});
  const machine = new Machine(open(client, 50));
  await keepsServing(machine);
  await server.start();
  await until(() => client.isReady && other.isReady);
  await shares(machine, new Machine(open(other, patienceMs)));
});

test("a client that is about to connect is waited for", async () => {
  await using server = await RedisServer.start();
  await open(await server.connect(), patienceMs).save(entry, tokenOf("t"), undefined);
  const client = server.client();
  const connecting = client.connect();
  assert.equal(await tokenIn(open(client, patienceMs)), "t");
  await connecting;
});

test("a client that was never connected, or is closed, says so at once", async () => {
  await using server = await RedisServer.start();
  const client = server.client();
  const machine = new Machine(open(client));
  await keepsServing(machine);
  assert.deepEqual(machine.failed, ["load REDIS_NOT_CONNECTED", "lock REDIS_NOT_CONNECTED"]);
  await client.connect();
  await shares(machine, new Machine(open(await server.connect())));
  await client.close();
  machine.events.length = 0;
  await keepsServing(machine);
  assert.deepEqual(machine.failed, ["load REDIS_NOT_CONNECTED", "lock REDIS_NOT_CONNECTED"]);
});

test("a server that is killed, and comes back empty, is used again", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  const machine = new Machine(open(client));
  const [other, third] = await Promise.all([server.connect(), server.connect()]);
  await shares(machine, new Machine(open(other)));
  const held = await machine.get("before");
  await server.kill();
  await until(() => !client.isReady);
  await keepsServing(machine);
  assert.equal(await machine.get("before"), held);
  assert.ok(machine.failed.includes("load REDIS_UNREACHABLE"), machine.failed.join());
  await server.start();
  await until(() => client.isReady && third.isReady);
  await shares(machine, new Machine(open(third)));
});

test("a server that dies while the credential runs costs the save, and not the token", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  const machine = new Machine(open(client, 100), async () => {
    await server.kill();
    return fakeToken("fetched");
  });
  assert.equal(await machine.get(), fakeToken("fetched"));
  await until(() => machine.failed.some((failed) => failed.startsWith("save ")));
});

test("a replica gives what it has, and says that it takes nothing", async () => {
  await using server = await RedisServer.start();
  const [client, other] = [await server.connect(), await server.connect()];
  const first = new Machine(open(client));
  const token = await first.get("before");
  await until(async () => (await client.keys("*:0")).length === 0);
  await client.replicaOf("127.0.0.1", await freePort());
  const machine = new Machine(open(other));
  assert.equal(await machine.get("before"), token);
  await keepsServing(machine);
  assert.deepEqual(machine.failed, ["lock REDIS_READ_ONLY"]);
  await client.sendCommand(["REPLICAOF", "NO", "ONE"]);
  await shares(machine, first);
});

test("a full server gives what it has, and says that it is full", async () => {
  await using server = await RedisServer.start("--maxmemory", "8mb", "--maxmemory-policy", "noeviction");
  const [client, other] = [await server.connect(), await server.connect()];
  const first = new Machine(open(client));
  const token = await first.get("before");
  await until(async () => (await client.keys("*:0")).length === 0);
  await assert.rejects(async () => {
    for (let number = 0; ; number += 1) await client.set(`junk ${number}`, "x".repeat(100_000));
  }, /OOM/);
  // What a command itself takes for a moment decides no more: there is not a byte left.
  await client.configSet("maxmemory", "1");
  const machine = new Machine(open(other));
  assert.equal(await machine.get("before"), token);
  await keepsServing(machine);
  assert.deepEqual(machine.failed, ["lock REDIS_OUT_OF_MEMORY"]);
  await client.configSet("maxmemory", "0");
  await shares(machine, first);
});

test("a server that fills up while the credential runs costs the save, and its lease is released", async () => {
  await using server = await RedisServer.start("--maxmemory", "8mb", "--maxmemory-policy", "noeviction");
  const client = await server.connect();
  const machine = new Machine(open(client), async () => {
    await client.configSet("maxmemory", "1");
    return fakeToken("fetched");
  });
  assert.equal(await machine.get(), fakeToken("fetched"));
  await until(() => machine.failed.length > 0);
  assert.deepEqual(machine.failed, ["save REDIS_OUT_OF_MEMORY"]);
  await until(async () => (await client.keys("*:0")).length === 0);
});

test("a server that stands still is left alone after one wait, and used again when it goes on", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  const other = await server.connect();
  const machine = new Machine(open(client, 250));
  await machine.get("before");
  await until(async () => (await client.keys("*:0")).length === 0);
  server.freeze();
  try {
    await keepsServing(machine);
    await keepsServing(machine);
    assert.deepEqual(machine.failed, [
      "load REDIS_TIMEOUT",
      "lock REDIS_LEFT_ALONE",
      "load REDIS_LEFT_ALONE",
    ]);
  } finally {
    server.resume();
  }
  await shares(machine, new Machine(open(other, patienceMs)));
});

test("a reply that does not come is not waited for, and a lease that comes with it is released", async () => {
  await using server = await RedisServer.start();
  await using proxy = await SpoiltWay.to(server.port);
  const client = await server.connect({ url: proxy.url });
  const direct = await server.connect();
  const [store, other] = [open(client, 250), open(direct, patienceMs)];
  await store.load(entry);
  proxy.way = "hold";
  await assert.rejects(store.tryLock(entry, 0), { code: "REDIS_TIMEOUT" });
  await assert.rejects(store.load(entry), { code: "REDIS_LEFT_ALONE" });
  assert.equal(await other.tryLock(entry, 0), undefined, "the server gave the lease all the same");
  proxy.way = "pass";
  const before = performance.now();
  await until(() => other.tryLock(entry, 0));
  assert.ok(performance.now() - before < 9_000, "before the lease ran out");
});

for (const cutAfter of [0, 1, 7, 40])
  test(`a connection that is cut ${cutAfter} bytes into a reply costs a fetch`, async () => {
    await using server = await RedisServer.start();
    await using proxy = await SpoiltWay.to(server.port);
    const client = await server.connect({ url: proxy.url });
    const other = await server.connect();
    const machine = new Machine(open(client));
    await machine.get("before");
    await until(async () => (await other.keys("*:0")).length === 0);
    proxy.way = { cutAfter };
    await keepsServing(machine);
    assert.ok(proxy.cuts > 0);
    assert.ok(machine.failed.length > 0);
    for (const failed of machine.failed) assert.match(failed, / REDIS_(UNREACHABLE|TIMEOUT|LEFT_ALONE)$/);
    proxy.way = "pass";
    await until(() => client.isReady);
    await shares(machine, new Machine(open(other, patienceMs)));
  });

test("no error, and no event, holds an address, a password, a token or what the server said", async () => {
  await using server = await RedisServer.start("--requirepass", "pass-word-1");
  const url = server.url.replace("//", "//:pass-word-1@");
  const client = await server.connect({ url });
  const store = open(client);
  const errors: unknown[] = [];
  const collect = async () => {
    for (const work of [
      () => store.load(entry),
      () => store.tryLock(entry, 0),
      () => store.save(entry, tokenOf("secret"), undefined),
      () => store.invalidate(entry),
      () => store.clear(),
    ])
      await work().catch((error) => errors.push(error));
  };
  await client.sendCommand(["ACL", "SETUSER", "default", "-hget", "-hset", "-hmget"]);
  await collect();
  await server.kill();
  await until(() => !client.isReady);
  await collect();
  const machine = new Machine(store);
  await machine.get();
  assert.equal(errors.length, 10);
  for (const said of [...errors, ...machine.events]) {
    const { message, stack, cause } = said as Error;
    const everything = `${JSON.stringify(said)} ${message} ${stack} ${cause}`;
    assert.doesNotMatch(everything, /pass-word-1|127\.0\.0\.1|CANARY|ACL|hget/i);
  }
  assert.deepEqual(
    new Set(errors.map((error) => (error as { code: string }).code)),
    new Set(["REDIS_NO_PERMISSION", "REDIS_UNREACHABLE"]),
  );
});
