// Somebody uses az beside the program: the next call has the new account's token, and never the old one's again.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TokenCredential } from "@azure/core-auth";
import { withTokenCache } from "azure-token-cache";
import { decodeJwt } from "jose";
import { alice, bruno, drone, machine, type Principal, robot } from "../../stand/directory.ts";
import { chain, limits, plain, stage, subjects, withoutAddon } from "./subjects.ts";

const on = stage();
const contosoDev = "5ab00000-0000-4000-8000-0000000000c1";

for (const { name, create } of [...subjects, chain]) {
  test(`${name}: every way to another account is followed at once`, limits, async () => {
    const { az, scope } = on();
    await using credential = withTokenCache(create());
    const switches: [string, () => Promise<void>, Principal][] = [
      ["login", () => az.login(robot), robot],
      ["login of another application", () => az.login(drone), drone],
      ["account set", () => az.accountSet(contosoDev), robot],
      ["login of a user", () => az.login(alice), alice],
      ["login of a user whose name is as long", () => az.login(bruno), bruno],
      ["login of the machine", () => az.login(machine), machine],
    ];
    for (const [how, perform, principal] of switches) {
      await perform();
      const { token } = await given(credential, scope);
      assert.equal(decodeJwt(token)["oid"], principal.objectId, how);
      assert.equal((await given(credential, scope)).token, token, how);
    }
    // One run for each switch, and none in vain.
    assert.equal((await az.starts()).length, switches.length);
  });
}

for (const { name, create } of [plain, withoutAddon]) {
  test(
    `${name}: callers in the middle of a switch get either account's token, and the old one never after it`,
    limits,
    async () => {
      const { az, scope } = on();
      await az.login(drone);
      await az.login(robot);
      await using credential = withTokenCache(create());
      await credential.getToken(scope);
      let switched = false;
      const switching = az.succeed("account", "set", "--subscription", "Fabrikam 01").then(() => {
        switched = true;
      });
      const holders: unknown[] = [];
      while (!switched) {
        holders.push(decodeJwt((await given(credential, scope)).token)["oid"]);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await switching;
      assert.equal(decodeJwt((await given(credential, scope)).token)["oid"], drone.objectId);
      const firstNew = holders.indexOf(drone.objectId);
      assert.equal(holders[0], robot.objectId);
      assert.ok(holders.slice(0, firstNew).every((holder) => holder === robot.objectId) || firstNew === -1);
      assert.ok(firstNew === -1 || holders.slice(firstNew).every((holder) => holder === drone.objectId));
    },
  );

  test(`${name}: after a logout nobody is served, and a new login is a new token`, limits, async () => {
    const { az, scope } = on();
    await az.login(robot);
    await using credential = withTokenCache(create());
    const before = await given(credential, scope);
    await az.logout();
    await assert.rejects(credential.getToken(scope), {
      name: "CredentialUnavailableError",
      message: /az login/,
    });
    await az.login(robot);
    const after = await given(credential, scope);
    assert.equal(decodeJwt(after.token)["oid"], robot.objectId);
    assert.notEqual(after.token, before.token);
  });

  test(`${name}: a switch while az runs: its result goes to nobody`, limits, async () => {
    const { az, entra, scope } = on();
    await az.login(drone);
    await az.login(robot);
    await using credential = withTokenCache(create());
    const hold = entra.control.hold({ resource: "https://vault.azure.net" });
    const answers = [1, 2, 3].map(() => given(credential, "https://vault.azure.net/.default"));
    await hold.arrived(1);
    await az.accountSet("Fabrikam 01");
    hold.release();
    for (const { token } of await Promise.all(answers)) assert.equal(decodeJwt(token)["oid"], drone.objectId);
    assert.equal((await az.starts()).length, 2);
    assert.equal(decodeJwt((await given(credential, scope)).token)["oid"], drone.objectId);
  });

  test(`${name}: a caller's abort leaves az to finish, and its token is kept`, limits, async () => {
    const { az, entra, scope } = on();
    await az.login(robot);
    await using credential = withTokenCache(create());
    const hold = entra.control.hold({ resource: "https://vault.azure.net" });
    const abort = new AbortController();
    const answer = credential.getToken("https://vault.azure.net/.default", { abortSignal: abort.signal });
    await hold.arrived(1);
    abort.abort();
    await assert.rejects(answer, { name: "AbortError" });
    hold.release();
    assert.equal(
      decodeJwt((await given(credential, "https://vault.azure.net/.default")).token)["oid"],
      robot.objectId,
    );
    assert.equal((await az.starts()).length, 1);
    assert.equal(decodeJwt((await given(credential, scope)).token)["oid"], robot.objectId);
  });

  test(
    `${name}: az used without a change of account costs no start, or one where its token cache moved`,
    limits,
    async () => {
      const { az, scope } = on();
      await az.login(robot);
      await using credential = withTokenCache(create());
      const { token } = await given(credential, scope);
      await az.accountSet(contosoDev);
      await az.succeed("config", "set", "core.output=yaml");
      await az.succeed("account", "show");
      assert.equal((await given(credential, scope)).token, token);
      assert.equal((await az.starts()).length, 1);
      await az.succeed("account", "get-access-token", "--resource", "https://vault.azure.net");
      await az.accountSet(contosoDev);
      assert.equal((await given(credential, scope)).token, token);
      assert.equal((await az.starts()).length, 2);
      assert.equal((await given(credential, scope)).token, token);
      assert.equal((await az.starts()).length, 2);
    },
  );
}

test("two credentials of two subscriptions follow their own accounts", limits, async () => {
  const { az, scope } = on();
  await az.login(drone);
  await az.login(robot);
  const { AzureCliCredential } = await import("azure-token-cache/node");
  await using fabrikam = withTokenCache(new AzureCliCredential({ subscription: "Fabrikam 01" }));
  await using current = withTokenCache(new AzureCliCredential());
  const kept = await given(fabrikam, scope);
  assert.equal(decodeJwt(kept.token)["oid"], drone.objectId);
  assert.equal(decodeJwt((await given(current, scope)).token)["oid"], robot.objectId);
  await az.login(bruno);
  assert.equal(decodeJwt((await given(current, scope)).token)["oid"], bruno.objectId);
  assert.equal(decodeJwt((await given(fabrikam, scope)).token)["oid"], drone.objectId);
});

async function given(credential: TokenCredential, scope: string) {
  const token = await credential.getToken(scope);
  assert.ok(token !== null);
  return token;
}
