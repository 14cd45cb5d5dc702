// Twelve SDK clients over one wrapped credential and the real az: one start of az, through outages and challenges too.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BlobServiceClient } from "@azure/storage-blob";
import { type AccessToken, type CacheEvent, type Clock, withTokenCache } from "azure-token-cache";
import { decodeJwt } from "jose";
import { Azurite } from "../../stand/azurite.ts";
import { alice, robot } from "../../stand/directory.ts";
import { manyRequests, sdkClient } from "../../stand/sdk-clients.ts";
import { trustGlobally } from "../../stand/trust.ts";
import { chain, limits, plain, stage, subjects } from "./subjects.ts";

const on = stage();

test("without the cache every client starts an az of its own", limits, async () => {
  const { az, entra, scope } = on();
  await az.login(robot);
  await manyRequests(plain.create(), scope, entra, { clients: 3, requests: 3 });
  assert.equal((await az.starts()).length, 3);
});

for (const { name, create } of [...subjects, chain]) {
  test(`${name}: twelve clients, three requests each, one start of az`, limits, async () => {
    const { az, entra, scope } = on();
    await az.login(robot);
    await using credential = withTokenCache(create());
    const seen = await manyRequests(credential, scope, entra, { clients: 12, requests: 3 });
    assert.equal(seen.length, 36);
    assert.deepEqual(new Set(seen.map(({ objectId }) => objectId)), new Set([robot.objectId]));
    assert.equal(new Set(seen.map(({ uti }) => uti)).size, 1);
    assert.equal((await az.starts()).length, 1);
  });
}

for (const { name, create } of subjects) {
  test(`${name}: other resources are other tokens, each with one start`, limits, async () => {
    const { az } = on();
    await az.login(robot);
    await using credential = withTokenCache(create());
    const scopes = ["https://vault.azure.net/.default", "https://storage.azure.com/.default"];
    const answers = await Promise.all(
      [...scopes, ...scopes, "https://vault.azure.net"].map((scope) => credential.getToken(scope)),
    );
    const audiences = answers.map((answer) => decodeJwt(answer?.token ?? "").aud);
    const [vault, storage] = ["https://vault.azure.net", "https://storage.azure.com"];
    assert.deepEqual(audiences, [vault, storage, vault, storage, vault]);
    assert.equal((await az.starts()).length, 2);
  });

  test(`${name}: an outage costs no caller a valid token`, limits, async () => {
    const { az, entra, scope } = on();
    // az gives no token away with under 300 s left: each of its runs needs Entra ID.
    entra.control.token.lifetimeSeconds = 290;
    await az.login(robot);
    const clock = new StandingClock();
    const failures = new Failures();
    await using credential = withTokenCache(create(), { clock, onEvent: (event) => failures.note(event) });
    const held = await given(credential.getToken(scope));
    const untilLeft = (milliseconds: number) =>
      clock.advance(held.expiresOnTimestamp - clock.unixMillis() - milliseconds);
    await entra.outage();

    untilLeft(60_000);
    const behind = await Promise.all(Array.from({ length: 100 }, () => credential.getToken(scope)));
    assert.ok(behind.every((answer) => answer?.token === held.token));
    await failures.reach(1);

    // So late that callers wait for the refresh, which fails.
    untilLeft(9_000);
    assert.equal((await credential.getToken(scope))?.token, held.token);
    await failures.reach(2);

    untilLeft(-1_000);
    await assert.rejects(credential.getToken(scope), { name: "CredentialUnavailableError" });

    await entra.restore();
    // Beyond what the clock is ahead.
    entra.control.token.lifetimeSeconds = 3600;
    await credential.invalidate();
    assert.notEqual((await credential.getToken(scope))?.token, held.token);
  });

  test(`${name}: after a claims challenge, the login that it asks for gets through`, limits, async () => {
    const { az, entra, scope } = on();
    await az.login(alice);
    await using credential = withTokenCache(create());
    await sdkClient(credential, scope, entra).request();
    const challenge = '{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}';
    entra.control.challenge = challenge;
    const error = await sdkClient(credential, scope, entra)
      .request()
      .then(
        () => assert.fail("the challenge was met"),
        (reason: unknown) => reason as Error,
      );
    const encoded = /az login --claims-challenge "?([A-Za-z0-9+/=]+)/.exec(error.message)?.[1] ?? "";
    assert.equal(Buffer.from(encoded, "base64").toString(), challenge);
    entra.control.signedIn = alice;
    await az.succeed("login", "--use-device-code", "--claims-challenge", encoded);
    entra.control.signedIn = undefined;
    assert.equal((await sdkClient(credential, scope, entra).request()).objectId, alice.objectId);
  });
}

test(
  "storage-blob clients over the wrapper write and read in azurite with one start of az",
  limits,
  async () => {
    const { az } = on();
    await az.login(robot);
    await using azurite = await Azurite.start();
    const distrust = trustGlobally(azurite.ca);
    try {
      await using credential = withTokenCache(plain.create());
      const client = () =>
        new BlobServiceClient(azurite.url, credential, { keepAliveOptions: { enable: false } });
      await Promise.all(["one", "two", "three"].map((name) => client().createContainer(name)));
      const blob = client().getContainerClient("two").getBlockBlobClient("a.txt");
      await blob.upload("dear azurite", 12);
      assert.equal((await blob.downloadToBuffer()).toString(), "dear azurite");
      assert.equal((await az.starts()).length, 1);
    } finally {
      distrust();
    }
  },
);

async function given(answer: Promise<AccessToken | null>): Promise<AccessToken> {
  const token = await answer;
  assert.ok(token !== null);
  return token;
}

/** Time that passes only when it is told to; timers are the machine's, so that those who wait keep the process alive. */
class StandingClock implements Clock {
  readonly #begin = Date.now();
  #passed = 0;

  advance(milliseconds: number): void {
    this.#passed += milliseconds;
  }

  unixMillis(): number {
    return this.#begin + this.#passed;
  }

  monotonicMillis(): number {
    return this.#passed;
  }
}

/** Counts fetches that failed. */
class Failures {
  #count = 0;
  #waiting: { count: number; wake: () => void }[] = [];

  note(event: CacheEvent): void {
    if (event.type !== "fetch-end" || event.outcome !== "failed") return;
    this.#count += 1;
    for (const { count, wake } of this.#waiting) if (count <= this.#count) wake();
  }

  async reach(count: number): Promise<void> {
    if (this.#count >= count) return;
    // What runs behind callers keeps no process alive, not even this one.
    const alive = setInterval(() => {}, 1_000);
    await new Promise<void>((wake) => this.#waiting.push({ count, wake }));
    clearInterval(alive);
  }
}
