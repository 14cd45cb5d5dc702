// The package's AzureCliCredential and @azure/identity's over the same real az: equal tokens, and errors that say more.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import type { AccessToken } from "@azure/core-auth";
import { AzureCliCredential } from "azure-token-cache/node";
import { decodeJwt } from "jose";
import { RealAz } from "../../stand/az.ts";
import { alice, assigned, drone, machine, robot } from "../../stand/directory.ts";
import { type Entra, startEntra } from "../../stand/entra.ts";
import { assertExpiryFromAz } from "../../stand/expiry.ts";
import { identity } from "../../stand/identity.ts";
import { refusals } from "../../stand/refusal.ts";

const arm = "https://management.azure.com/.default";
const vault = "https://vault.azure.net/.default";
const runners = [
  { runner: "addon", addon: "on" },
  { runner: "node:child_process", addon: "off" },
];
const limits = { timeout: 120_000 };

let entra: Entra;
let az: RealAz;
let leave: () => void;
before(async () => {
  entra = await startEntra();
  az = await RealAz.create(entra);
  leave = az.enter();
});
after(async () => {
  leave();
  await az[Symbol.asyncDispose]();
  await entra.close();
});
afterEach(async () => {
  delete process.env["ATC_ADDON"];
  entra.control.calm();
  await entra.restore();
  await az.reset();
});

for (const { runner, addon } of runners) {
  test(`${runner}: the token is the one that az holds, with its own expiry`, limits, async () => {
    process.env["ATC_ADDON"] = addon;
    await az.login(alice);
    const token = await given(new AzureCliCredential().getToken(arm));
    assert.equal(token.token, JSON.parse(await az.succeed(...getAccessToken)).accessToken);
    assertExpiryFromAz(token.token, token.expiresOnTimestamp, entra);
    assert.deepEqual(
      (await az.starts()).map(({ args }) => args),
      [getAccessToken],
    );
  });

  test(`${runner}: no login, a refusal and an outage are errors that say what happened`, limits, async () => {
    process.env["ATC_ADDON"] = addon;
    const credential = new AzureCliCredential();
    assert.match((await unavailable(credential.getToken(arm))).message, /az login/);
    await az.login(alice);
    entra.control.refuse(refusals.resourceNotFound("https://vault.azure.net", "Contoso"), {
      resource: "https://vault.azure.net",
    });
    assert.match((await unavailable(credential.getToken(vault))).message, /AADSTS500011/);
    entra.control.revoke(alice);
    assert.match((await unavailable(credential.getToken(arm))).message, /AADSTS50173/);
    await entra.outage();
    await unavailable(credential.getToken("https://storage.azure.com/.default"));
  });
}

test("every kind of account, and the subscription and tenant of another one", limits, async () => {
  const holder = async (options: { subscription?: string; tenantId?: string }) =>
    decodeJwt((await given(new AzureCliCredential(options).getToken(arm))).token)["oid"];
  for (const principal of [robot, drone]) {
    await az.login(principal);
    assert.equal(await holder({}), principal.objectId);
  }
  assert.equal(await holder({ subscription: "Contoso Dev" }), robot.objectId);
  for (const principal of [machine, assigned, alice]) {
    await az.login(principal);
    assert.equal(await holder({}), principal.objectId);
  }
  assert.equal(await holder({ tenantId: "fabrikam.example" }), alice.guestOf[0]?.objectId);
});

test("without a login a chain goes on to its next credential", limits, async () => {
  const secret = new identity.ClientSecretCredential(robot.tenantId, robot.appId, robot.secret, {
    authorityHost: entra.url,
    disableInstanceDiscovery: true,
    tlsOptions: { ca: entra.ca },
  });
  const chain = new identity.ChainedTokenCredential(new AzureCliCredential(), secret);
  assert.equal(decodeJwt((await given(chain.getToken(arm))).token)["oid"], robot.objectId);
});

test("a claims challenge names the login that meets it", limits, async () => {
  await az.login(robot);
  const claims = '{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}';
  const { message } = await unavailable(new AzureCliCredential().getToken(arm, { claims }));
  assert.deepEqual(await az.starts(), []);
  const encoded = /az login --claims-challenge "?([A-Za-z0-9+/=]+)/.exec(message)?.[1];
  assert.equal(Buffer.from(encoded ?? "", "base64").toString(), claims);
});

test("the command is @azure/identity's, byte for byte", limits, async () => {
  await az.login(robot);
  const options = { tenantId: robot.tenantId };
  for (const credential of [new AzureCliCredential(options), new identity.AzureCliCredential(options)])
    for (const scope of [arm, "https://vault.azure.net//.default"]) await credential.getToken(scope);
  const commands = (await az.starts()).map(({ args }) => args);
  assert.equal(commands.length, 4);
  assert.deepEqual(commands.slice(0, 2), commands.slice(2));
});

const getAccessToken = [
  "account",
  "get-access-token",
  "--output",
  "json",
  "--resource",
  "https://management.azure.com",
];

async function given(answer: Promise<AccessToken | null>): Promise<AccessToken> {
  const token = await answer;
  assert.ok(token !== null);
  return token;
}

/** The error, which chains of credentials must take for a reason to go on. */
async function unavailable(answer: Promise<unknown>): Promise<Error> {
  const error = await answer.then(
    () => assert.fail("a token was given"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error);
  assert.equal(error.name, "CredentialUnavailableError");
  return error;
}
