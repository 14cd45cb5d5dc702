// What a store on Redis adds to the promises of every store: fences, ends, changed keys, commands, and what a server sees.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { entryKey, type OptionError, type TokenStore } from "azure-token-cache";
import { type RedisStoreError, redisTokenStore } from "azure-token-cache/redis";
import { fakeToken, findLeaks } from "../../leaks/search.mjs";
import { Machine } from "./machine.ts";
import { type Client, RedisServer } from "./redis-server.ts";
import { entry, key, patienceMs, tokenIn, tokenOf } from "./subject.ts";

const newerKey = new Uint8Array(32).fill(9);

function open(client: Client, ...keys: Uint8Array[]): TokenStore {
  return redisTokenStore(client, { keys: keys.length > 0 ? keys : [key], patienceMs });
}

async function taken(store: TokenStore, at = entry) {
  const lock = await store.tryLock(at, 0);
  assert.ok(lock, "the lock is free");
  return lock;
}

/** As if the lease had run out. */
async function expireLeases(client: Client): Promise<void> {
  for (const name of await client.keys("*:0")) await client.del(name);
}

test("a holder whose lease another has saves nothing, and does not end the other's", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  const [stalled, other] = [open(client), open(client)];
  const lost = await taken(stalled);
  const { generation } = await stalled.load(entry);
  await expireLeases(client);
  const held = await taken(other);
  assert.equal(await stalled.save(entry, tokenOf("of before"), generation, lost), false);
  assert.equal(await tokenIn(stalled), undefined);
  await lost.release();
  assert.equal(await stalled.tryLock(entry, 0), undefined, "it is the other's still");
  assert.equal(await other.save(entry, tokenOf("newer"), generation, held), true);
  assert.equal(await tokenIn(stalled), "newer");
});

test("a holder whose lease another had saves nothing over what that one saved", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  const [stalled, other] = [open(client), open(client)];
  const lost = await taken(stalled);
  const { generation } = await stalled.load(entry);
  await expireLeases(client);
  await other.save(entry, tokenOf("newer"), generation, await taken(other));
  assert.equal(await stalled.save(entry, tokenOf("of before"), generation, lost), false);
  assert.equal(await tokenIn(stalled), "newer");
});

test("a lease that ran out, and that nobody took, is still good for a save", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  const store = open(client);
  const lost = await taken(store);
  const { generation } = await store.load(entry);
  await expireLeases(client);
  assert.equal(await store.save(entry, tokenOf("late"), generation, lost), true);
});

test("a failure of one whose lease another has is not the other's", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  const store = open(client);
  const login = { account: "", session: "" };
  const failure = { failedAt: Date.now(), name: "Error", message: "down", network: true, login };
  const lost = await taken(store);
  await expireLeases(client);
  const held = await taken(store);
  await store.saveFailure(entry, failure, lost);
  assert.equal((await store.load(entry)).failure, undefined);
  await store.saveFailure(entry, failure, held);
  assert.deepEqual((await store.load(entry)).failure, failure);
  await taken(store);
});

test("a process that stands still loses its lease, and its save is refused when it goes on", async () => {
  await using server = await RedisServer.start();
  const subject = fileURLToPath(new URL("holder.subject.mjs", import.meta.url));
  const holder = spawn(process.execPath, ["--import", "tsx", subject, server.url], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const said = createInterface({ input: holder.stdout })[Symbol.asyncIterator]();
  try {
    assert.equal((await said.next()).value, "held");
    const store = open(await server.connect());
    holder.kill("SIGSTOP");
    let lock = await store.tryLock(entry, 0);
    assert.equal(lock, undefined);
    while (lock === undefined) {
      await pause(50);
      lock = await store.tryLock(entry, 0);
    }
    assert.equal(await store.save(entry, tokenOf("newer"), undefined, lock), true);
    holder.kill("SIGCONT");
    holder.stdin.end("save\n");
    assert.equal((await said.next()).value, "refused");
    assert.equal(await tokenIn(store), "newer");
  } finally {
    holder.kill("SIGKILL");
    if (holder.exitCode === null && holder.signalCode === null) await once(holder, "exit");
  }
});

test("who has a lease sees what others did since", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  const [holder, other] = [open(client), open(client)];
  await taken(holder);
  await other.save(entry, tokenOf("other's"), undefined);
  assert.equal(await tokenIn(holder), "other's");
});

test("a lease is renewed while it is held, and not after", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  const lock = await taken(open(client));
  const [lease] = (await client.keys("*:0")) as [string];
  const left = () => client.pTTL(lease);
  let before = await left();
  assert.ok(before > 0 && before <= 10_000);
  for (let now = await left(); now <= before; now = await left()) {
    before = now;
    await pause(20);
  }
  assert.ok(before > 2_000, "it was renewed long before its end");
  await lock.release();
  assert.equal(await client.exists(lease), 0);
});

test("everything ends by itself: a token two minutes after its expiry", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  const store = open(client);
  const token = tokenOf("t");
  await store.save(entry, token, undefined);
  await store.tryLock(entry, 1);
  await store.saveFailure(entry, { ...token, failedAt: 1, name: "E", message: "m", network: false });
  await store.clear();
  const ends = await Promise.all(
    (await client.keys("*")).map(async (name) => [name, await client.pExpireTime(name)] as const),
  );
  assert.equal(ends.length, 3 + 16);
  for (const [name, end] of ends) assert.ok(end > Date.now(), `${name} ends`);
  const tokens = ends.filter(([name]) => /:[0-9a-f]{64}$/.test(name));
  assert.deepEqual(
    tokens.map(([, end]) => end),
    [token.expiresAt + 120_000],
  );
});

test("all keys of an entry have one hash tag, and none of a store is without one", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  const store = redisTokenStore(client, { key, prefix: "app:1" });
  await store.tryLock(entry, 0);
  await store.save(entry, tokenOf("t"), undefined);
  const names = await client.keys("*");
  assert.equal(names.length, 3);
  const [tag, ...others] = new Set(names.map((name) => name.match(/^app:1:\{([0-9a-f])\}:/)?.[1]));
  assert.ok(tag);
  assert.deepEqual(others, []);
});

test("keys change one after the other, and no token is fetched for it", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  const [before, both] = [open(client, key), open(client, key, newerKey)];
  const [changed, after] = [open(client, newerKey, key), open(client, newerKey)];
  const acquiredAt = Date.now();
  await before.save(entry, tokenOf("first", { acquiredAt }), undefined);
  assert.deepEqual(await Promise.all([both, changed].map((store) => tokenIn(store))), ["first", "first"]);
  assert.equal(await tokenIn(after), undefined, "the newer key alone opens nothing of before");
  await changed.save(entry, tokenOf("second", { acquiredAt: acquiredAt + 1 }), undefined);
  assert.deepEqual(await Promise.all([both, changed, after].map((store) => tokenIn(store))), [
    "second",
    "second",
    "second",
  ]);
  await both.save(entry, tokenOf("third", { acquiredAt: acquiredAt + 2 }), undefined);
  assert.equal(await tokenIn(changed), "third", "of two tokens the later one");
  await changed.invalidate(entry);
  assert.deepEqual(await Promise.all([before, both, after].map((store) => tokenIn(store))), [
    undefined,
    undefined,
    undefined,
  ]);
});

test("whoever has another key finds nothing, and disturbs nothing", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  const [mine, others] = [open(client, key), open(client, newerKey)];
  await mine.save(entry, tokenOf("mine"), undefined);
  await others.save(entry, tokenOf("others"), undefined);
  await others.invalidate(entry);
  assert.equal(await tokenIn(mine), "mine");
});

test("generations that are lost cost a fetch, and bring nothing back", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  const store = open(client);
  await store.save(entry, tokenOf("forgotten"), undefined);
  await store.invalidate(entryKey(["test"]));
  for (const name of await client.keys("*:generations")) await client.del(name);
  assert.equal(await tokenIn(store), undefined);
});

test("a server whose clock was set back forgets, and leases, all the same", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  const store = open(client);
  await store.load(entry);
  const [generations] = (await client.keys("*:generations")) as [string];
  const tomorrow = String((Date.now() + 86_400_000) * 1_000);
  await client.hSet(generations, { store: tomorrow, top: tomorrow });
  await store.save(entry, tokenOf("of tomorrow"), undefined);
  await store.invalidate(entryKey(["test"]));
  assert.equal(await tokenIn(store), undefined);
  await store.save(entry, tokenOf("again"), undefined);
  await store.clear();
  assert.equal(await tokenIn(store), undefined);
  await (await taken(store)).release();
  const fences = [await client.hGet(generations, "top")];
  await taken(store);
  fences.push(await client.hGet(generations, "top"));
  assert.ok(Number(fences[0]) > Number(tomorrow) && Number(fences[1]) > Number(fences[0]));
});

test("of a thousand invalidations and more only so many are remembered, and none comes undone", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  const store = open(client);
  await store.save(entry, tokenOf("forgotten"), undefined);
  await store.invalidate(entryKey(["test"]));
  for (let number = 0; number < 1_100; number += 1) await store.invalidate(entryKey([`user ${number}`]));
  const sizes = await Promise.all((await client.keys("*:generations")).map((name) => client.hLen(name)));
  assert.equal(sizes.length, 16);
  assert.ok(
    sizes.every((size) => size < 200),
    `so many are left: ${sizes}`,
  );
  assert.equal(await tokenIn(store), undefined);
  await store.save(entry, tokenOf("newer"), undefined);
  assert.equal(await tokenIn(store), "newer");
});

test("what was altered, or moved to another entry's name, is not there", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  const store = open(client);
  const elsewhere = entryKey(["test", "elsewhere"]);
  await store.save(entry, tokenOf("mine"), undefined);
  const [mine] = (await client.keys(
    "*:????????????????????????????????????????????????????????????????",
  )) as [string];
  const sealed = (await client.hGet(mine, "token")) ?? "";
  await store.save(elsewhere, tokenOf("t"), undefined);
  for (const name of await client.keys("*:????????????????????????????????????????????????????????????????"))
    await client.hSet(name, "token", sealed);
  assert.equal(await tokenIn(store), "mine");
  assert.equal(await tokenIn(store, elsewhere), undefined);
  await client.hSet(mine, "token", `${sealed.slice(0, -8)}AAAAAAA=`);
  assert.equal(await tokenIn(store), undefined);
  await client.hSet(mine, "token", "no base64");
  assert.equal(await tokenIn(store), undefined);
});

test("data of another program under the same names is an error that says so", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  const store = open(client);
  await store.save(entry, tokenOf("t"), undefined);
  for (const name of await client.keys("*")) await client.set(name, "another program's");
  await assert.rejects(store.load(entry), { code: "REDIS_FOREIGN_DATA", name: "RedisStoreError" });
});

test("an option that cannot be is refused when the store is made", async () => {
  await using server = await RedisServer.start();
  const client = server.client();
  const refused: [unknown, unknown, string][] = [
    [client, {}, "key"],
    [client, undefined, "key"],
    [client, { key: "secret" }, "key"],
    [client, { keys: [] }, "key"],
    [client, { key, prefix: "" }, "prefix"],
    [client, { key, prefix: "a{b}" }, "prefix"],
    [client, { key, prefix: 7 }, "prefix"],
    [client, { key, patienceMs: 0 }, "patienceMs"],
    [client, { key, patienceMs: Number.NaN }, "patienceMs"],
    [{}, { key }, "client"],
    [undefined, { key }, "client"],
  ];
  for (const [client, options, option] of refused)
    assert.throws(
      () => redisTokenStore(client as Client, options as { key: Uint8Array }),
      (error: OptionError) => error.code === "INVALID_OPTION" && error.option === option,
      `${option} of ${JSON.stringify(options)}`,
    );
});

/** How many operations the server was asked for so far. */
async function operations(client: Client): Promise<number> {
  const said = await client.info("commandstats");
  const calls = [...said.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].map(([, count]) => Number(count));
  return calls.reduce((sum, count) => sum + count, 0);
}

test("who fetches asks the server three times, who finds once, and a hit never", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  // The server learns the script.
  await open(client).load(entry);
  const cost = async (work: () => Promise<unknown>) => {
    const before = await operations(client);
    await work();
    // What is left to do is done behind the caller.
    while ((await client.keys("*:0")).length > 0) await pause(5);
    return (await operations(client)) - before;
  };
  const [first, second] = [new Machine(open(client)), new Machine(open(client))];
  assert.equal(await cost(() => first.get()), 3);
  assert.equal(await cost(() => second.get()), 1);
  assert.equal(await cost(() => Promise.all(Array.from({ length: 100 }, () => second.get()))), 0);
  assert.deepEqual([first.fetches, second.fetches], [1, 0]);
});

test("a fleet that asks at once fetches once, and who waits asks the server no more than six times", async () => {
  await using server = await RedisServer.start();
  const client = await server.connect();
  await open(client).load(entry);
  const before = await operations(client);
  let done = () => {};
  const fetched = new Promise<void>((resolve) => {
    done = resolve;
  });
  const fleet = Array.from(
    { length: 10 },
    () => new Machine(open(client), () => fetched.then(() => "fetched")),
  );
  const tokens = Promise.all(fleet.map((machine) => machine.get()));
  // All wait by now: a look of each, the lock of one, and one or two more tries of it.
  while ((await operations(client)) - before < 2 * fleet.length) await pause(5);
  done();
  assert.deepEqual(new Set(await tokens), new Set(["fetched"]));
  assert.equal(
    fleet.reduce((sum, { fetches }) => sum + fetches, 0),
    1,
  );
  assert.ok((await operations(client)) - before <= 6 * fleet.length);
});

test("the server never sees a token, nor whose it is; a planted one is found", async () => {
  await using server = await RedisServer.start();
  const seen: string[] = [];
  const spy = await server.connect();
  await spy.monitor((line) => seen.push(String(line)));
  const client = await server.connect();
  const [first, second] = [open(client), open(client, newerKey, key)];
  const name = "x".repeat(2_000);
  const secret = fakeToken(name);
  const whose = entryKey(["token 1", "who-it-is", "https://vault.azure.net/.default"]);
  const fleet = new Machine(first, async () => secret);
  assert.equal(await fleet.get(), secret);
  await first.save(whose, tokenOf(name, { account: "who-it-is", tenantId: "who-it-is" }), undefined);
  const failure = { failedAt: 1, name: "Error", message: secret, network: false, login: tokenOf("").login };
  await first.saveFailure(whose, failure);
  assert.equal(await tokenIn(second, whose), name);
  await second.invalidate(whose);
  await client.ping("the end");
  while (!seen.some((line) => line.includes("the end"))) await pause(5);
  const dumps = await Promise.all((await client.keys("*")).map((name) => contentOf(client, name)));
  const everything = Buffer.from([...seen, ...dumps].join("\n"));
  assert.ok(seen.some((line) => /"save"/.test(line)) && dumps.length > 3, "there is something to search");
  assert.deepEqual(findLeaks(everything), []);
  assert.ok(!/who-it-is|vault\.azure/.test(everything.toString("latin1")));
  // Found as it is, and in base64.
  for (const planted of [secret, Buffer.from(`{"secret":"${secret}"}`).toString("base64")]) {
    await client.set("planted", planted);
    assert.notDeepEqual(findLeaks(Buffer.from(await contentOf(client, "planted"))), []);
  }
});

async function contentOf(client: Client, name: string): Promise<string> {
  const type = await client.type(name);
  const content = type === "hash" ? JSON.stringify(await client.hGetAll(name)) : await client.get(name);
  return `${name} ${content}`;
}

test("an error says what to do, and by its class and its code which one it is", async () => {
  await using server = await RedisServer.start();
  await assert.rejects(open(server.client()).load(entry), (error: RedisStoreError) => {
    assert.equal(error.name, "RedisStoreError");
    assert.equal(error.code, "REDIS_NOT_CONNECTED");
    assert.equal(error.problem, "NOT_CONNECTED");
    assert.match(error.message, /await client\.connect\(\)/);
    return true;
  });
});
