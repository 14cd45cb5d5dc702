// The plugin under the real @azure/identity, each step in a process of its own: what one process got, the next one has.
import assert from "node:assert/strict";
import { request } from "node:https";
import { after, before, beforeEach } from "node:test";
import { alice, robot } from "../../stand/directory.ts";
import { type Entra, startEntra } from "../../stand/entra.ts";
import { Programs } from "../../stand/programs.ts";
import type { Task } from "./program.subject.ts";
import { application, keyFile, onStand, pluginTest, run, scope } from "./program.ts";

const enabled = { enabled: true };
const own = { enabled: true, name: "an own name" };
const keeping = { ...keyFile, keepAuthenticationRecord: true } as const;
const clientId = "11111111-2222-4333-8444-555555555555";

let entra: Entra;
before(async () => {
  entra = await startEntra();
});
after(() => entra.close());
beforeEach(() => entra.forgetRequests());

pluginTest("an application's token: the second process makes no request", async (stand) => {
  const first = await run(entra, stand, application(entra, enabled));
  const total = entra.requests().token;
  assert.equal(total, 1);
  const second = await run(entra, stand, application(entra, enabled));
  assert.equal(entra.requests().token, total);
  assert.deepEqual(second.told, first.told);
  assert.ok(first.told[0]?.uti);
  await run(entra, stand, application(entra));
  assert.equal(entra.requests().token, 2, "without tokenCachePersistenceOptions nothing is kept");
});

for (const persistence of [enabled, own]) {
  pluginTest(`with and without CAE are apart: ${JSON.stringify(persistence)}`, async (stand) => {
    const task = application(entra, persistence);
    const cae = { ...task, calls: [{ scope, enableCae: true }] };
    const [plain, capable] = [await run(entra, stand, task), await run(entra, stand, cae)];
    assert.equal(entra.requests().token, 2);
    assert.notEqual(plain.told[0]?.uti, capable.told[0]?.uti);
    const both = { ...task, calls: [...cae.calls, ...task.calls] };
    assert.deepEqual((await run(entra, stand, both)).told, [...capable.told, ...plain.told]);
    assert.equal(entra.requests().token, 2);
    assert.deepEqual(
      entra.requests().list.map(({ claims }) => claims?.includes("cp1") ?? false),
      [false, true],
    );
  });
}

pluginTest("two names are apart", async (stand) => {
  await run(entra, stand, application(entra, enabled));
  await run(entra, stand, application(entra, own));
  await run(entra, stand, application(entra, { enabled: true, name: "another name" }));
  assert.equal(entra.requests().token, 3);
  for (const persistence of [enabled, own]) await run(entra, stand, application(entra, persistence));
  assert.equal(entra.requests().token, 3);
});

pluginTest("on whose behalf a service asks, did not sign in to it", async (stand) => {
  const task: Task = {
    ...application(entra, enabled, keeping),
    credential: "OnBehalfOf",
    args: [],
    options: {
      ...application(entra, enabled).options,
      tenantId: robot.tenantId,
      clientId: robot.appId,
      clientSecret: robot.secret,
      userAssertionToken: await userToken(),
    },
  };
  const { told } = await run(entra, stand, task);
  assert.equal(entra.requests().byGrant.on_behalf_of, 1);
  assert.deepEqual(told.map(Object.keys), [["uti", "prompts"]], "a token, and no record");
});

pluginTest(
  "a user name and a password: with the record, the next process makes no request",
  async (stand) => {
    const { options } = deviceCode();
    const task: Task = {
      credential: "UsernamePassword",
      args: [alice.tenantId, clientId, alice.principalName, alice.password],
      options,
      plugin: keeping,
      calls: [{ scope }],
    };
    const first = await run(entra, stand, task);
    assert.deepEqual(entra.requests().byGrant, { password: 1 });
    const second = await run(entra, stand, { ...task, useRecord: true });
    assert.deepEqual(second.told, first.told);
    assert.equal(entra.requests().token, 1);
  },
);

pluginTest("a device code: the next process signs in silently", async (stand) => {
  entra.control.signedIn = alice;
  const task = deviceCode();
  const first = await run(entra, stand, task);
  assert.equal(entra.requests().byGrant.device_code, 1);
  assert.deepEqual(
    first.told.map(({ prompts }) => prompts),
    [1, 1],
  );
  const second = await run(entra, stand, { ...task, useRecord: true });
  assert.deepEqual(
    second.told.map(({ uti, prompts }) => ({ uti, prompts })),
    first.told.map(({ uti }) => ({ uti, prompts: 0 })),
  );
  assert.equal(entra.requests().token, 1);
  const other = { ...task, useRecord: true, calls: [{ scope: "https://vault.azure.net/.default" }] };
  const third = await run(entra, stand, other);
  assert.equal(third.told[0]?.prompts, 0);
  assert.deepEqual(entra.requests().byGrant, { device_code: 1, refresh_token: 1 });
  const without = await run(entra, stand, task);
  assert.equal(without.told[0]?.prompts, 1, "without the record the user is asked");
});

pluginTest("a browser: the next process signs in silently", async (stand) => {
  entra.control.signedIn = alice;
  await using programs = await Programs.create(entra, stand.state);
  const task: Task = { ...deviceCode(), credential: "InteractiveBrowser" };
  const first = await run(entra, stand, task, programs.environment);
  const second = await run(entra, stand, { ...task, useRecord: true }, programs.environment);
  assert.deepEqual(second.told, first.told);
  assert.deepEqual(await programs.starts(), ["browser"]);
  assert.deepEqual(entra.requests().byGrant, { authorization_code: 1 });
});

pluginTest("the record is that of authenticate(), and goes with the option", async (stand) => {
  entra.control.signedIn = alice;
  const [own, kept] = (await run(entra, stand, { ...deviceCode(), authenticate: true })).told;
  assert.ok(own?.record);
  assert.equal(kept?.record, own.record);
  const { told } = await run(entra, stand, { ...deviceCode(), plugin: keyFile });
  assert.equal(told.length, 1);
});

function deviceCode(): Task {
  return {
    credential: "DeviceCode",
    options: { ...onStand(entra), tenantId: alice.tenantId, clientId, tokenCachePersistenceOptions: enabled },
    plugin: keeping,
    calls: [{ scope }],
  };
}

/** What a client of the application would send it. */
async function userToken(): Promise<string> {
  const body = new URLSearchParams({
    grant_type: "password",
    client_id: clientId,
    username: alice.principalName,
    password: alice.password,
    scope: `${robot.appId}/.default openid`,
  });
  const reply = await new Promise<string>((resolve, reject) => {
    const sent = request(
      `${entra.url}/${alice.tenantId}/oauth2/v2.0/token`,
      { method: "POST", ca: entra.ca, headers: { "content-type": "application/x-www-form-urlencoded" } },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part) => {
          text += part;
        });
        response.on("end", () => resolve(text));
      },
    );
    sent.on("error", reject).end(body.toString());
  });
  return (JSON.parse(reply) as { access_token: string }).access_token;
}
