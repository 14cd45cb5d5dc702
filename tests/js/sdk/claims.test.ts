// Claims challenges as the SDKs' own clients meet them: a service refuses a token by HTTP, and the client asks the wrapper for another.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { BlobServiceClient } from "@azure/storage-blob";
import { type CachedCredential, withTokenCache } from "azure-token-cache";
import { AzureCliCredential } from "azure-token-cache/node";
import { decodeJwt } from "jose";
import { RealAz } from "../../stand/az.ts";
import { robot } from "../../stand/directory.ts";
import { type Entra, startEntra } from "../../stand/entra.ts";
import { identity } from "../../stand/identity.ts";
import type { TokenRequest } from "../../stand/ledger.ts";
import { sdkClient } from "../../stand/sdk-clients.ts";
import { trustGlobally } from "../../stand/trust.ts";

const arm = "https://management.azure.com/.default";
const since = (seconds: number) => `{"access_token":{"nbf":{"essential":true,"value":"${seconds}"}}}`;
const crowd = 50;

let entra: Entra;
before(async () => {
  entra = await startEntra();
});
after(() => entra.close());
afterEach(() => {
  entra.control.challenge = undefined;
  entra.control.calm();
  entra.forgetRequests();
});

describe("a service that demands other claims", () => {
  it("makes the client get one new token, while others in flight have the old one at once", async () => {
    const credential = withTokenCache(secretCredential());
    const client = sdkClient(credential, arm, entra);
    const old = (await client.request()).uti;
    entra.control.challenge = since(1);
    const hold = entra.control.hold({ grant: "client_credentials" });
    const challenged = client.request();
    await hold.arrived(1);

    entra.control.challenge = undefined;
    const clients = Array.from({ length: crowd / 2 }, () => sdkClient(credential, arm, entra).request());
    const calls = Array.from({ length: crowd / 2 }, () => credential.getToken(arm, { enableCae: true }));
    const seen = [
      ...(await Promise.all(clients)).map(({ uti }) => uti),
      ...(await Promise.all(calls)).map(utiOf),
    ];
    assert.deepEqual(seen, Array(crowd).fill(old), "nobody else waited for the challenge");

    entra.control.challenge = since(1);
    hold.release();
    const { uti } = await challenged;
    assert.notEqual(uti, old);
    assert.deepEqual(entra.requests().list.map(challengeOf), [undefined, "1"]);
  });

  it("refuses a crowd of clients, who share one new token", async () => {
    const credential = withTokenCache(secretCredential());
    const clients = Array.from({ length: crowd }, () => sdkClient(credential, arm, entra));
    await Promise.all(clients.map((client) => client.request()));
    entra.control.challenge = since(2);
    const hold = entra.control.hold({ grant: "client_credentials" });
    const challenged = Promise.all(clients.map((client) => client.request()));
    await hold.arrived(1);
    await refused(crowd);
    hold.release();
    const seen = new Set((await challenged).map(({ uti }) => uti));
    assert.equal(seen.size, 1);
    assert.deepEqual(entra.requests().list.map(challengeOf), [undefined, "2"]);
  });

  it("is satisfied for good: later calls, of clients that it never refused, have the new token", async () => {
    const credential = withTokenCache(secretCredential());
    const client = sdkClient(credential, arm, entra);
    await client.request();
    entra.control.challenge = since(3);
    const { uti } = await client.request();
    for (const later of [client, sdkClient(credential, arm, entra)])
      assert.equal((await later.request()).uti, uti);
    assert.equal(utiOf(await credential.getToken([arm], { enableCae: true })), uti);
    assert.equal(entra.requests().token, 2);
  });

  it("has a request of its own for each challenge, of which the last one is kept", async () => {
    const credential = withTokenCache(secretCredential());
    const [first, second] = [sdkClient(credential, arm, entra), sdkClient(credential, arm, entra)];
    await Promise.all([first.request(), second.request()]);
    const hold = entra.control.hold({ grant: "client_credentials" });
    entra.control.challenge = since(4);
    const early = first.request();
    await hold.arrived(1);
    entra.control.challenge = since(5);
    const late = second.request();
    await hold.arrived(2);
    entra.control.challenge = undefined;
    hold.release();
    const [{ uti: earlyUti }, { uti: lateUti }] = await Promise.all([early, late]);
    assert.notEqual(earlyUti, lateUti);
    assert.deepEqual(entra.requests().list.map(challengeOf).sort(), ["4", "5", undefined]);
    assert.equal(utiOf(await credential.getToken(arm, { enableCae: true })), lateUti);
    assert.equal(entra.requests().token, 3);
  });

  it("that cannot be met is the client's error, and the token stays for others", async () => {
    const credential = withTokenCache(secretCredential());
    const client = sdkClient(credential, arm, entra);
    const { uti } = await client.request();
    entra.control.challenge = since(6);
    entra.control.fail({ kind: "reply", status: 400, body: '{"error":"invalid_grant"}' }, {}, 1);
    await assert.rejects(client.request());
    entra.control.challenge = undefined;
    assert.equal((await sdkClient(credential, arm, entra).request()).uti, uti);
  });
});

describe("continuous access evaluation", () => {
  it("is in the tokens of pipelines, which ask for it, and apart from those of others", async () => {
    const credential = withTokenCache(secretCredential());
    const { uti } = await sdkClient(credential, arm, entra).request();
    const token = await credential.getToken([arm], { enableCae: true });
    assert.equal(utiOf(token), uti);
    assert.deepEqual(decodeJwt(token?.token ?? "")["xms_cc"], ["CP1"]);
    const plain = await credential.getToken(arm);
    assert.equal(decodeJwt(plain?.token ?? "")["xms_cc"], undefined);
    assert.equal(entra.requests().token, 2);
  });

  it("goes on in the answer to a challenge", async () => {
    const credential = withTokenCache(secretCredential());
    const client = sdkClient(credential, arm, entra);
    await client.request();
    entra.control.challenge = since(7);
    await client.request();
    const token = await credential.getToken(arm, { enableCae: true });
    assert.deepEqual(decodeJwt(token?.token ?? "")["xms_cc"], ["CP1"]);
  });
});

describe("@azure/storage-blob", () => {
  it("answers a challenge through the wrapper, with its own handlers", async () => {
    const distrust = trustGlobally(entra.ca);
    try {
      const credential = withTokenCache(secretCredential());
      const exists = () => containers(credential).getContainerClient("letters").exists();
      assert.equal(await exists(), true);
      entra.control.challenge = since(8);
      assert.equal(await exists(), true);
      assert.equal(await exists(), true);
      const { list, byResource } = entra.requests();
      assert.deepEqual(list.map(challengeOf), [undefined, "8"]);
      assert.deepEqual(byResource, { "https://storage.azure.com": 2 });
    } finally {
      distrust();
    }
  });
});

describe("az, which cannot answer a challenge", () => {
  it("is an error that names the login that can, and its token is due", { timeout: 120_000 }, async () => {
    await using az = await RealAz.create(entra);
    await az.login(robot);
    const leave = az.enter();
    try {
      const credential = withTokenCache(new AzureCliCredential());
      const client = sdkClient(credential, arm, entra);
      const { uti } = await client.request();
      assert.equal(credential.explain(arm).zone, "fresh");
      entra.control.challenge = since(9);
      const error: unknown = await client.request().catch((thrown: unknown) => thrown);
      assert.ok(error instanceof Error && error.name === "CredentialUnavailableError");
      const encoded = /az login .*--claims-challenge "?([A-Za-z0-9+/=]+)/.exec(error.message)?.[1];
      assert.equal(Buffer.from(encoded ?? "", "base64").toString(), since(9));
      assert.equal((await az.starts()).length, 1, "az was not started for it");
      assert.equal(credential.explain(arm).zone, "refresh-behind");
      entra.control.challenge = undefined;
      assert.equal((await client.request()).uti, uti);
    } finally {
      leave();
    }
  });
});

function secretCredential() {
  return new identity.ClientSecretCredential(robot.tenantId, robot.appId, robot.secret, {
    authorityHost: entra.url,
    disableInstanceDiscovery: true,
    tlsOptions: { ca: entra.ca },
  });
}

/** The stand's resource server says of any container that it is there. */
function containers(credential: CachedCredential): BlobServiceClient {
  return new BlobServiceClient(`${entra.url}/api`, credential, {
    keepAliveOptions: { enable: false },
    retryOptions: { maxTries: 1 },
  });
}

/** Waits until the service has answered all of the crowd's second requests. */
async function refused(count: number): Promise<void> {
  while ((entra.requests().byPath["/api/whoami"] ?? 0) < 2 * count) await new Promise(setImmediate);
}

/** The value that a request's challenge demands, where there is one: clients name their own capabilities beside it. */
function challengeOf({ claims }: TokenRequest): string | undefined {
  const asked = JSON.parse(claims ?? "{}") as { access_token?: { nbf?: { value: string } } };
  return asked.access_token?.nbf?.value;
}

function utiOf(token: { token: string } | null): unknown {
  return decodeJwt(token?.token ?? "")["uti"];
}
