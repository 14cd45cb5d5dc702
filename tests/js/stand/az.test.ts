// The real az against the stand-in: every kind of login, counted starts, and which files each operation changes.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { decodeJwt } from "jose";
import { type AzStart, RealAz } from "../../stand/az.ts";
import { type Change, changesBetween, snapshotOf } from "../../stand/config-folder.ts";
import { alice, assigned, bruno, drone, machine, type Principal, robot } from "../../stand/directory.ts";
import { type Entra, startEntra } from "../../stand/entra.ts";
import { identity } from "../../stand/identity.ts";

const arm = "https://management.azure.com";

let entra: Entra;
let az: RealAz;
before(async () => {
  entra = await startEntra();
  az = await RealAz.create(entra);
});
after(async () => {
  await az[Symbol.asyncDispose]();
  await entra.close();
});
afterEach(() => az.reset());

test("each kind of account logs in and gets its own token", async () => {
  for (const principal of [robot, alice, machine, assigned]) {
    await az.login(principal);
    assert.equal(decodeJwt(await accessToken())["oid"], principal.objectId);
  }
});

test("az prints what its callers parse", async () => {
  await az.login(robot);
  const json = await az.succeed("account", "get-access-token", "--output", "json", "--resource", arm);
  const token = JSON.parse(json);
  assert.deepEqual(Object.keys(token), [
    "accessToken",
    "expiresOn",
    "expires_on",
    "subscription",
    "tenant",
    "tokenType",
  ]);
  assert.equal(json, `${JSON.stringify(token, undefined, 2)}\n`);
  assert.equal(token.expires_on, decodeJwt(token.accessToken).exp);
  assert.match(token.expiresOn, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/);
});

test("nobody logged in, and a revoked session, are az's errors", async () => {
  const absent = await az.run("account", "get-access-token", "--output", "json");
  assert.equal(absent.code, 1);
  assert.match(absent.stderr, /Please run 'az login' to setup account/);
  await az.login(alice);
  entra.control.revoke(alice);
  const revoked = await az.run("account", "get-access-token", "--output", "json", "--resource", arm);
  assert.equal(revoked.code, 1);
  assert.match(revoked.stderr, /AADSTS50173/);
});

test("the wrapper counts starts by @azure/identity, and how many run at once", {
  timeout: 120_000,
}, async () => {
  await az.login(robot);
  const leave = az.enter();
  try {
    const credential = new identity.AzureCliCredential();
    const hold = entra.control.hold({ resource: arm });
    const tokens = [1, 2, 3].map(() => credential.getToken(`${arm}/.default`));
    await hold.arrived(3);
    hold.release();
    await Promise.all(tokens);
    await credential.getToken(`${arm}/.default`);
  } finally {
    leave();
  }
  const starts = await az.starts();
  const command = ["account", "get-access-token", "--output", "json", "--resource", arm];
  assert.deepEqual(
    starts.map(({ args }) => args),
    [command, command, command, command],
  );
  assert.equal(most(starts), 3);
  assert.equal(starts.at(-1)?.running, 1);
});

test("what each operation changes in AZURE_CONFIG_DIR", async () => {
  await using az = await RealAz.create(entra);
  const login = (principal: Principal) => () => az.login(principal);
  const token = () => az.succeed("account", "get-access-token", "--resource", arm);
  const [dev, ops] = entra.directory.subscriptions.map(({ id }) => id);
  assert.ok(dev !== undefined && ops !== undefined);
  const rows: [string, () => Promise<unknown>, Record<string, Change>][] = [
    [
      "first login, application",
      login(robot),
      { ...profile("changed"), ...clouds("changed"), ...tokens("created"), ...secrets("created") },
    ],
    [
      "the same application again",
      login(robot),
      { ...profile("rewritten"), ...clouds("rewritten"), ...secrets("rewritten") },
    ],
    ["a token az does not hold", token, tokens("changed")],
    ["a token az holds", token, {}],
    ["account show", () => az.succeed("account", "show"), {}],
    [
      "account set, other subscription",
      () => az.accountSet(ops),
      { ...profile("changed, same size"), ...clouds("changed, same size") },
    ],
    [
      "account set, same subscription",
      () => az.accountSet(ops),
      { ...profile("rewritten"), ...clouds("rewritten") },
    ],
    [
      "second login, application",
      login(drone),
      { ...profile("changed"), ...clouds("changed, same size"), ...tokens("changed"), ...secrets("changed") },
    ],
    [
      "account set, other account",
      () => az.accountSet(dev),
      { ...profile("changed, same size"), ...clouds("changed, same size") },
    ],
    ["config set", () => az.succeed("config", "set", "defaults.location=westeurope"), { config: "changed" }],
    [
      "cloud set, other cloud",
      () => az.succeed("cloud", "set", "--name", "AzureCloud"),
      { config: "changed" },
    ],
    [
      "cloud set, back",
      () => az.succeed("cloud", "set", "--name", "Stand"),
      { ...profile("rewritten"), ...clouds("rewritten"), config: "changed" },
    ],
    ["login, user", login(alice), { ...profile("changed"), ...clouds("rewritten"), ...tokens("changed") }],
    [
      "the same user again",
      login(alice),
      { ...profile("rewritten"), ...clouds("rewritten"), ...tokens("changed, same size") },
    ],
    [
      "login, other user of equal length",
      login(bruno),
      { ...profile("changed, same size"), ...clouds("rewritten"), ...tokens("changed") },
    ],
    ["login, managed identity", login(machine), { ...profile("changed"), ...clouds("rewritten") }],
    ["a managed identity's token", token, {}],
    ["logout, managed identity", () => az.logout(), profile("changed")],
    [
      "account clear",
      () => az.clearAccounts(),
      { ...profile("changed"), ...tokens("deleted"), ...secrets("deleted") },
    ],
    [
      "login, application",
      login(robot),
      { ...profile("changed"), ...clouds("rewritten"), ...tokens("created"), ...secrets("created") },
    ],
    [
      "logout, application",
      () => az.logout(),
      { ...profile("changed"), ...tokens("changed"), ...secrets("changed") },
    ],
  ];
  for (const [operation, perform, expected] of rows) {
    const earlier = await snapshotOf(az.configFolder);
    await perform();
    assert.deepEqual(changesBetween(earlier, await snapshotOf(az.configFolder)), expected, operation);
  }
});

const profile = (change: Change) => ({ "azureProfile.json": change });
const clouds = (change: Change) => ({ "clouds.config": change });
const tokens = (change: Change) => ({ "msal_token_cache.json": change });
const secrets = (change: Change) => ({ "service_principal_entries.json": change });

async function accessToken(): Promise<string> {
  const json = await az.succeed("account", "get-access-token", "--output", "json", "--resource", arm);
  return JSON.parse(json).accessToken;
}

function most(starts: readonly AzStart[]): number {
  return Math.max(...starts.map(({ running }) => running));
}
