// Several clouds in one process: the tokens of one never reach the services of another, which would refuse them.
import assert from "node:assert/strict";
import { appendFile } from "node:fs/promises";
import { after, afterEach, before, describe, it } from "node:test";
import { TokenCache, withTokenCache } from "azure-token-cache";
import { AzureCliCredential } from "azure-token-cache/node";
import { RealAz } from "../../stand/az.ts";
import { defaultDirectory, drone, robot, type ServicePrincipal } from "../../stand/directory.ts";
import { type Entra, startEntra } from "../../stand/entra.ts";
import { identity } from "../../stand/identity.ts";
import { manyRequests, sdkClient } from "../../stand/sdk-clients.ts";

const storage = "https://storage.azure.com/.default";
const chineseStorage = "https://storage.azure.cn/.default";
const arm = "https://management.azure.com/.default";

/** Known in one of the clouds alone. */
const panda: ServicePrincipal = {
  kind: "servicePrincipal",
  objectId: "9a2da000-0000-4000-8000-000000000041",
  tenantId: "c41a0000-0000-4000-8000-000000000003",
  appId: "9a2da000-aaaa-4000-8000-000000000041",
  secret: "panda-secret-not-a-real-one",
};

/** Each signs its tokens with a key of its own, and its services refuse those of the other. */
let world: Entra;
let china: Entra;
before(async () => {
  [world, china] = await Promise.all([startEntra(), startEntra({ directory: chineseDirectory() })]);
});
after(async () => {
  await Promise.all([world.close(), china.close()]);
});
afterEach(() => {
  for (const cloud of [world, china]) {
    cloud.control.calm();
    cloud.forgetRequests();
  }
});

describe("two clouds", () => {
  it("serve a crowd of clients each, with tokens of their own tenants and audiences", async () => {
    const cache = new TokenCache();
    const ours = cache.wrap(secretCredential(world, robot));
    const theirs = cache.wrap(secretCredential(china, panda));
    const crowd = { clients: 12, requests: 5 };
    const [here, there] = await Promise.all([
      manyRequests(ours, storage, world, crowd),
      manyRequests(theirs, chineseStorage, china, crowd),
    ]);
    assert.deepEqual(seen(here), [[robot.tenantId, robot.objectId, "https://storage.azure.com"]]);
    assert.deepEqual(seen(there), [[panda.tenantId, panda.objectId, "https://storage.azure.cn"]]);
    assert.deepEqual([world.requests().token, china.requests().token], [1, 1]);
    await cache.close();
  });

  it("are apart where the application, its tenant, its secret and the scope have the same names in both", async () => {
    const cache = new TokenCache();
    const credentials = [world, china].map((cloud) => cache.wrap(secretCredential(cloud, robot)));
    for (let round = 0; round < 3; round += 1)
      await Promise.all(
        [world, china].map((cloud, at) => sdkClient(of(credentials, at), arm, cloud).request()),
      );
    assert.deepEqual([world.requests().token, china.requests().token], [1, 1]);
    await assert.rejects(
      sdkClient(of(credentials, 0), arm, china).request(),
      /401/,
      "a token that crosses is seen",
    );
    await cache.close();
  });

  it("are apart in a store, though nobody named a partition", async () => {
    const cache = await TokenCache.deserialize(undefined, { key: new Uint8Array(32).fill(7) });
    for (const cloud of [world, china, world, china]) {
      const credential = cache.wrap(secretCredential(cloud, robot));
      await sdkClient(credential, arm, cloud).request();
      await credential.close();
    }
    assert.deepEqual([world.requests().token, china.requests().token], [1, 1]);
    await cache.close();
  });

  it("answer challenges apart", async () => {
    const [ours, theirs] = [world, china].map((cloud) => withTokenCache(secretCredential(cloud, robot)));
    assert.ok(ours !== undefined && theirs !== undefined);
    const chinese = sdkClient(theirs, arm, china);
    await Promise.all([sdkClient(ours, arm, world).request(), chinese.request()]);
    china.control.challenge = '{"access_token":{"nbf":{"essential":true,"value":"1"}}}';
    try {
      await chinese.request();
      await sdkClient(ours, arm, world).request();
    } finally {
      china.control.challenge = undefined;
    }
    assert.deepEqual([world.requests().token, china.requests().token], [1, 2]);
  });
});

describe("az", () => {
  const limits = { timeout: 240_000 };

  it("has the tokens of the cloud that is active, and drops them when another one is", limits, async () => {
    await appendFile(world.caPath, `\n${china.ca}`);
    await using az = await RealAz.create(world);
    await az.registerCloud("China", china);
    await az.login(robot);
    await az.succeed("cloud", "set", "--name", "China");
    await az.login(drone);
    await az.forgetStarts();
    const leave = az.enter();
    try {
      const credential = withTokenCache(new AzureCliCredential());
      const owner = async (cloud: Entra) => (await sdkClient(credential, arm, cloud).request()).objectId;
      assert.equal(await owner(china), drone.objectId);
      await az.succeed("cloud", "set", "--name", "Stand");
      assert.equal(await owner(world), robot.objectId);
      assert.equal(await owner(world), robot.objectId);
      assert.equal((await az.starts()).length, 2);

      const named = withTokenCache(new AzureCliCredential({ subscription: "Fabrikam 01" }));
      process.env["AZURE_CLOUD_NAME"] = "China";
      const client = sdkClient(named, arm, china);
      assert.equal((await client.request()).objectId, drone.objectId);
      delete process.env["AZURE_CLOUD_NAME"];
      await assert.rejects(
        named.getToken(arm),
        /Fabrikam 01/,
        "no such subscription in the cloud that is active",
      );
    } finally {
      delete process.env["AZURE_CLOUD_NAME"];
      leave();
    }
  });
});

/** The public cloud's tenants and applications, and a tenant that is only here. */
function chineseDirectory() {
  const { tenants, servicePrincipals, ...others } = defaultDirectory();
  const tenant = { id: panda.tenantId, domain: "panda.example", name: "Panda" };
  return { ...others, tenants: [...tenants, tenant], servicePrincipals: [...servicePrincipals, panda] };
}

function secretCredential(cloud: Entra, { tenantId, appId, secret }: ServicePrincipal) {
  return new identity.ClientSecretCredential(tenantId, appId, secret, {
    authorityHost: cloud.url,
    disableInstanceDiscovery: true,
    tlsOptions: { ca: cloud.ca },
  });
}

/** Whom the services saw, each once. */
function seen(callers: Awaited<ReturnType<typeof manyRequests>>): string[][] {
  const all = callers.map(({ tenantId, objectId, audience }) => [tenantId, objectId, audience]);
  return [...new Map(all.map((each) => [each.join(), each])).values()];
}

function of<T>(list: readonly T[], at: number): T {
  const found = list[at];
  assert.ok(found !== undefined);
  return found;
}
