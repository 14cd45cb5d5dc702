// The stand-ins for azd, PowerShell, a browser and a pipeline, as the classes of @azure/identity meet them: tokens and errors.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import type { AccessToken, TokenCredential } from "@azure/core-auth";
import { decodeJwt } from "jose";
import { alice, drone, robot } from "../../stand/directory.ts";
import { type Entra, startEntra } from "../../stand/entra.ts";
import { identity } from "../../stand/identity.ts";
import { Programs } from "../../stand/programs.ts";
import { refusals } from "../../stand/refusal.ts";

const vault = "https://vault.azure.net";

let entra: Entra;
let home: string;
let programs: Programs;
const environment = { ...process.env };
before(async () => {
  entra = await startEntra();
  home = await mkdtemp(join(tmpdir(), "home-"));
});
beforeEach(async () => {
  programs = await Programs.create(entra, home);
  const path = [programs.folder, environment["PATH"]].join(delimiter);
  Object.assign(process.env, programs.environment, { HOME: home, PATH: path });
});
afterEach(async () => {
  entra.control.calm();
  entra.control.signedIn = undefined;
  await programs.disconnectPowerShell();
  await programs[Symbol.asyncDispose]();
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, environment);
});
after(async () => {
  await entra.close();
  await rm(home, { recursive: true, force: true });
});

test("azd gives tokens of who is logged in, one start each", async () => {
  const credential = new identity.AzureDeveloperCliCredential();
  await programs.loginAzd(robot);
  const token = await credential.getToken(`${vault}/.default`);
  assert.deepEqual([holderOf(token), decodeJwt(token.token).aud], [robot.objectId, vault]);
  assert.equal(Math.round((token.expiresOnTimestamp - Date.now()) / 60_000), 60);
  await programs.loginAzd(drone);
  assert.equal(holderOf(await credential.getToken(`${vault}/.default`)), drone.objectId);
  assert.deepEqual(await programs.starts(), ["azd", "azd"]);
});

test("azd's errors are the class's own", async () => {
  const credential = new identity.AzureDeveloperCliCredential();
  await fails(credential, /azd auth login/);
  await programs.loginAzd({ ...robot, secret: "wrong" });
  await fails(credential, /AADSTS7000215/);
  await fails(credential, /azd auth login --scope/, { claims: "{}" });
  await programs.logoutAzd();
  await fails(credential, /azd auth login/);
});

test("PowerShell gives tokens of who is connected, two starts each", async () => {
  await programs.connectPowerShell(robot);
  const token = await new identity.AzurePowerShellCredential().getToken(`${vault}/.default`);
  assert.deepEqual([holderOf(token), decodeJwt(token.token).aud], [robot.objectId, vault]);
  assert.equal(Math.round((token.expiresOnTimestamp - Date.now()) / 60_000), 60);
  const elsewhere = new identity.AzurePowerShellCredential({ tenantId: drone.tenantId });
  await fails(elsewhere, /AADSTS700016/);
  assert.deepEqual(await programs.starts(), ["pwsh", "pwsh", "pwsh", "pwsh"]);
});

test("PowerShell's errors are the class's own", async () => {
  const credential = new identity.AzurePowerShellCredential();
  await fails(credential, /Connect-AzAccount/);
  await programs.connectPowerShell(robot);
  entra.control.refuse(refusals.throttled(7), {}, 1);
  await fails(credential, /AADSTS90055/);
});

test("a pipeline's job gets assertions with its own token, for its own connection", async () => {
  process.env["SYSTEM_OIDCREQUESTURI"] = `${entra.url}${entra.job.oidcRequestPath}`;
  const make = (connection: string, token: string) =>
    new identity.AzurePipelinesCredential(robot.tenantId, robot.appId, connection, token, {
      authorityHost: entra.url,
      disableInstanceDiscovery: true,
      tlsOptions: { ca: entra.ca },
    });
  const { serviceConnectionId, accessToken } = entra.job;
  const credential = make(serviceConnectionId, accessToken);
  assert.equal(holderOf(await credential.getToken(`${vault}/.default`)), robot.objectId);
  for (const stranger of [make("another", accessToken), make(serviceConnectionId, "another")])
    await assert.rejects(stranger.getToken(`${vault}/.default`), /oidc/i);
});

test("the browser signs in whoever sits there, and tells who refuses", async () => {
  const credential = new identity.InteractiveBrowserCredential({
    authorityHost: entra.url,
    disableInstanceDiscovery: true,
    tlsOptions: { ca: entra.ca },
    tenantId: alice.tenantId,
    clientId: robot.appId,
  });
  await assert.rejects(credential.getToken(`${vault}/.default`), /access_denied|AADSTS65004/);
  entra.control.signedIn = alice;
  assert.equal(holderOf(await credential.getToken(`${vault}/.default`)), alice.objectId);
  assert.deepEqual(await programs.starts(), ["browser", "browser"]);
});

async function fails(credential: TokenCredential, text: RegExp, options: { claims?: string } = {}) {
  await assert.rejects(credential.getToken(`${vault}/.default`, options), (error: Error) => {
    assert.equal(error.name, "CredentialUnavailableError");
    assert.match(error.message, text);
    return true;
  });
}

function holderOf({ token }: AccessToken): unknown {
  return decodeJwt(token)["oid"];
}
