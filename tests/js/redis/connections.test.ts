// The store over every way to a server: TLS, a user with the fewest rights, a cluster, and sentinels.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { entryKey } from "azure-token-cache";
import { redisTokenStore } from "azure-token-cache/redis";
import { tokenStoreChecks } from "azure-token-cache/testing";
import { createCluster, createSentinel } from "redis";
import { createCluster as createCluster5 } from "redis-5";
import { createLoopbackCertificate } from "../../stand/certificate.ts";
import { freePort, RedisServer } from "./redis-server.ts";
import { entry, key, patienceMs, tokenIn, tokenOf, until } from "./subject.ts";

test("over TLS with a password, and never to a server with another certificate", async () => {
  const { ca, cert, key: tlsKey } = await createLoopbackCertificate();
  const folder = mkdtempSync(join(tmpdir(), "redis-tls-"));
  try {
    const files = { ca, cert, key: tlsKey };
    for (const [name, pem] of Object.entries(files)) writeFileSync(join(folder, `${name}.pem`), pem);
    const port = await freePort();
    const file = (name: string) => join(folder, `${name}.pem`);
    await using server = await RedisServer.start(
      ...["--tls-port", String(port), "--tls-cert-file", file("cert"), "--tls-key-file", file("key")],
      ...["--tls-ca-cert-file", file("ca"), "--tls-auth-clients", "no", "--requirepass", "pass-word-1"],
    );
    const url = `rediss://:pass-word-1@localhost:${port}`;
    const client = await server.connect({ url, socket: { tls: true, ca } });
    const store = redisTokenStore(client, { key, patienceMs });
    await store.save(entry, tokenOf("t"), undefined);
    assert.equal(await tokenIn(store), "t");

    const trusting = (await createLoopbackCertificate()).ca;
    const deceived = server.client({ url, socket: { tls: true, ca: trusting } });
    deceived.connect().catch(() => {});
    const other = redisTokenStore(deceived, { key, patienceMs: 500 });
    await assert.rejects(other.load(entry), { code: "REDIS_UNREACHABLE" });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a user with the rights that the documentation names can do everything, and one without cannot", async () => {
  const text = readFileSync(fileURLToPath(new URL("../../../docs/fleet.md", import.meta.url)), "utf8");
  const rights =
    text
      .match(/ACL SETUSER tokens (.+)/)?.[1]
      ?.replace(/>\S+/, ">pass-word-1")
      .split(" ") ?? [];
  assert.ok(rights.length > 5, "docs/fleet.md names them");
  await using server = await RedisServer.start();
  const admin = await server.connect();
  await admin.sendCommand(["ACL", "SETUSER", "tokens", ...rights]);
  const url = server.url.replace("//", "//tokens:pass-word-1@");
  const client = await server.connect({ url });
  const store = redisTokenStore(client, { key, patienceMs });
  const lock = await store.tryLock(entry, 0);
  const { generation } = await store.load(entry);
  assert.equal(await store.save(entry, tokenOf("t"), generation, lock), true);
  assert.equal(await tokenIn(store), "t");
  const login = { account: "", session: "" };
  await store.saveFailure(entry, { failedAt: 1, name: "E", message: "m", network: false, login });
  await store.invalidate(entryKey(["test"]));
  await store.clear();
  for (const lane of [0, 1, 2] as const) await (await store.tryLock(entry, lane))?.release();
  const elsewhere = redisTokenStore(client, { key, patienceMs, prefix: "elsewhere" });
  await assert.rejects(elsewhere.load(entry), { code: "REDIS_NO_PERMISSION" });
  await admin.sendCommand(["ACL", "SETUSER", "tokens", "-hset"]);
  await assert.rejects(store.save(entry, tokenOf("t"), undefined), { code: "REDIS_NO_PERMISSION" });
});

/** Three nodes, each with a third of the slots. */
class Cluster implements AsyncDisposable {
  readonly nodes: RedisServer[] = [];

  async start(): Promise<void> {
    for (let number = 0; number < 3; number += 1) {
      const options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
      // Its nodes talk at a second port: else 10,000 above the first one, which may be beyond the last.
      const bus = ["--cluster-port", String(await freePort())];
      this.nodes.push(await RedisServer.start(...options, ...bus, "--cluster-require-full-coverage", "no"));
    }
    const hosts = this.nodes.map(({ port }) => `127.0.0.1:${port}`);
    await new Promise<void>((resolve, reject) => {
      const create = ["--cluster", "create", ...hosts, "--cluster-replicas", "0", "--cluster-yes"];
      spawn("redis-cli", create, { stdio: ["ignore", "ignore", "inherit"] }).once("exit", (code) =>
        code === 0 ? resolve() : reject(new Error(`redis-cli ended with ${code}`)),
      );
    });
    // Each learns from the others that all slots are served.
    for (const node of this.nodes) {
      const client = await node.connect();
      await until(async () => /cluster_state:ok/.test(await client.clusterInfo()));
      await until(async () => (await client.clusterSlots()).length >= 3);
    }
  }

  get rootNodes(): { url: string }[] {
    return this.nodes.map(({ url }) => ({ url }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await node[Symbol.asyncDispose]();
  }
}

test("a cluster keeps every promise, with tokens on each of its nodes, and without the one that fails", async (context) => {
  await using cluster = new Cluster();
  await cluster.start();
  const client = createCluster({ rootNodes: cluster.rootNodes }).on("error", () => {});
  await client.connect();
  try {
    for (const { name, run } of tokenStoreChecks((prefix) =>
      redisTokenStore(client, { key, prefix, patienceMs }),
    ))
      await context.test(name, run);
    const store = redisTokenStore(client, { key, patienceMs: 500 });
    const keys = Array.from({ length: 60 }, (_, number) => entryKey(["spread", String(number)]));
    for (const key of keys) await store.save(key, tokenOf("t"), undefined);
    for (const node of cluster.nodes) {
      const names = await (await node.connect()).keys(
        "azure-token-cache:*:????????????????????????????????*",
      );
      assert.ok(names.length > 5, "its share");
    }
    await cluster.nodes[1]?.kill();
    const found = async () => {
      const looks = await Promise.allSettled(keys.map((key) => store.load(key)));
      return looks.filter((look) => look.status === "fulfilled" && look.value.token !== undefined).length;
    };
    await until(async () => (await found()) > 20);
    assert.ok((await found()) < keys.length, "what the third node had is lost");
  } finally {
    client.destroy();
  }
});

test("a cluster by the client of redis 5", async () => {
  await using cluster = new Cluster();
  await cluster.start();
  const client = createCluster5({ rootNodes: cluster.rootNodes });
  client.on("error", () => {});
  await client.connect();
  const store = redisTokenStore(client, { key, patienceMs });
  for (const name of ["a", "b", "c", "d", "e"]) {
    await store.save(entryKey([name]), tokenOf(name), undefined);
    assert.equal(await tokenIn(store, entryKey([name])), name);
  }
  await store.clear();
  assert.equal((await store.load(entryKey(["a"]))).token, undefined);
  client.destroy();
});

test("by way of a sentinel", async () => {
  await using primary = await RedisServer.start();
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "sentinel-"));
  const file = join(folder, "sentinel.conf");
  writeFileSync(
    file,
    `port ${port}\nbind 127.0.0.1\ndir ${folder}\nsentinel monitor main 127.0.0.1 ${primary.port} 1\n`,
  );
  const watch = spawn("setpriv", ["--pdeathsig", "KILL", "redis-server", file, "--sentinel"], {
    stdio: "ignore",
  });
  try {
    const sentinelRootNodes = [{ host: "127.0.0.1", port }];
    const connect = async () => {
      const client = createSentinel({ name: "main", sentinelRootNodes }).on("error", () => {});
      return client.connect();
    };
    // It may not listen yet.
    let client: Awaited<ReturnType<typeof connect>> | undefined;
    await until(async () => {
      client = await connect().catch(() => undefined);
      return client !== undefined;
    });
    assert.ok(client);
    const store = redisTokenStore(client, { key, patienceMs });
    const lock = await store.tryLock(entry, 0);
    const { generation } = await store.load(entry);
    assert.equal(await store.save(entry, tokenOf("t"), generation, lock), true);
    assert.equal(await tokenIn(store), "t");
    await client.close();
  } finally {
    watch.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
});
