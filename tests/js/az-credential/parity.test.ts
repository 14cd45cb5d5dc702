// The same stand-in az for our credential and @azure/identity's: where that one is right, class and wording are the same.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AzureCliCredential as Ours } from "azure-token-cache/node";
import { identity } from "../../stand/identity.ts";
import { canary, print, printsToken, runners, StandIn, usualScope } from "./stand-in.ts";

interface Outcome {
  readonly name: string;
  readonly message: string;
}

const { AzureCliCredential: Theirs, ChainedTokenCredential } = identity;
type AnyCredential = { getToken: (scope: string, options?: object) => Promise<unknown> };

/** Both credentials' failures in one stand-in. */
async function failures(
  settings: ConstructorParameters<typeof Ours>[0],
  scope: string,
  options?: { claims?: string; tenantId?: string },
): Promise<{ ours: Outcome; theirs: Outcome }> {
  const failureOf = async (make: () => AnyCredential): Promise<Outcome> => {
    try {
      await make().getToken(scope, options);
    } catch (error) {
      assert.ok(error instanceof Error);
      return { name: error.name, message: error.message };
    }
    return assert.fail("it answered");
  };
  return {
    ours: await failureOf(() => new Ours(settings)),
    theirs: await failureOf(() => new Theirs(settings)),
  };
}

for (const runner of runners) {
  test(`${runner}: the same token`, async () => {
    using _stand = new StandIn(runner, printsToken);
    const [ours, theirs] = [await new Ours().getToken(usualScope), await new Theirs().getToken(usualScope)];
    assert.deepEqual(ours, theirs);
  });

  test(`${runner}: the same arguments`, async () => {
    using stand = new StandIn(runner, `for a in "$@"; do printf '%s\\n' "$a" >> seen; done; ${printsToken}`);
    for (const settings of [{}, { tenantId: "contoso.com" }, { subscription: "My Sub" }]) {
      for (const scope of [usualScope, "api://x/.default", "https://vault.azure.net"]) {
        await new Ours(settings).getToken(scope);
        const ours = stand.lines("seen");
        stand.remove("seen");
        await new Theirs(settings).getToken(scope);
        assert.deepEqual(ours, stand.lines("seen"));
        stand.remove("seen");
      }
    }
  });

  test(`${runner}: not installed`, async () => {
    using _stand = new StandIn(runner);
    process.env["PATH"] = "/no/such/folder";
    const { ours, theirs } = await failures({}, usualScope);
    assert.deepEqual(ours, theirs);
  });

  test(`${runner}: not logged in`, async () => {
    using _stand = new StandIn(runner, `echo "ERROR: Please run 'az login' to setup account." >&2; exit 1`);
    const { ours, theirs } = await failures({}, usualScope);
    assert.equal(ours.name, theirs.name);
    assert.ok(ours.message.startsWith(theirs.message));
  });

  test(`${runner}: claims, with the command to run`, async () => {
    using _stand = new StandIn(runner);
    const claims = '{"access_token":{"nbf":{"essential":true,"value":"1"}}}';
    for (const tenant of [{}, { tenantId: "contoso.com" }]) {
      const { ours, theirs } = await failures({}, usualScope, { claims, ...tenant });
      assert.deepEqual(ours, theirs);
    }
  });

  test(`${runner}: a scope, tenant or subscription that is none; a tenant that is not allowed`, async () => {
    using _stand = new StandIn(runner);
    const cases: [Parameters<typeof failures>, RegExp][] = [
      [[{}, "a b"], /^Invalid scope was specified by the user or calling client/],
      [[{}, usualScope, { tenantId: "a b" }], /^Invalid tenant id provided/],
      [[{ tenantId: "a b" }, usualScope], /^Invalid tenant id provided\. You can locate your tenant id/],
      [[{ subscription: "a;b" }, usualScope], /^Subscription .a;b. contains invalid characters/],
      [
        [{ tenantId: "own" }, usualScope, { tenantId: "other" }],
        /^The current credential is not configured to acquire tokens for tenant other\. /,
      ],
    ];
    for (const [parameters, wording] of cases) {
      const { ours, theirs } = await failures(...parameters);
      for (const { message } of [ours, theirs]) assert.match(message, wording);
      assert.equal(ours.name, theirs.name);
    }
  });

  test(`${runner}: which tenants a request may name`, async () => {
    using _stand = new StandIn(runner, `printf '%s\\n' "$*" >> seen; ${printsToken}`);
    for (const disabled of [undefined, "1"]) {
      if (disabled !== undefined) process.env["AZURE_IDENTITY_DISABLE_MULTITENANTAUTH"] = disabled;
      for (const settings of [
        {},
        { tenantId: "own" },
        { tenantId: "own", additionallyAllowedTenants: ["other"] },
        { tenantId: "own", additionallyAllowedTenants: ["*"] },
        { tenantId: "adfs" },
      ]) {
        for (const tenantId of ["own", "other"]) {
          const ask = (credential: AnyCredential) =>
            credential.getToken(usualScope, { tenantId }).then(
              () => "answered",
              (error: Error) => error.name,
            );
          assert.equal(
            await ask(new Ours(settings)),
            await ask(new Theirs(settings)),
            JSON.stringify({ disabled, settings, tenantId }),
          );
        }
      }
    }
  });

  test(`${runner}: a chain goes on past ours, and stops at its token`, async () => {
    using stand = new StandIn(runner, "exit 1");
    const last = { getToken: async () => ({ token: "last", expiresOnTimestamp: Date.now() + 3_600_000 }) };
    const chain = new ChainedTokenCredential(new Ours(), last);
    assert.equal((await chain.getToken(usualScope)).token, "last");
    stand.write("az", `#!/bin/sh\n${printsToken}\n`);
    assert.equal((await chain.getToken(usualScope)).token, canary);
  });

  // Where that one is wrong. If a newer one is mended, its half of these tests says so.
  test(`${runner}: the defects that ours has not`, async () => {
    const answers: [string, string][] = [
      ["a warning that names az login", `echo 'WARNING: run az login' >&2; ${printsToken}`],
    ];
    for (const [name, script] of answers) {
      using _stand = new StandIn(runner, script);
      assert.equal((await new Ours().getToken(usualScope)).token, canary, name);
      await assert.rejects(new Theirs().getToken(usualScope), { name: "CredentialUnavailableError" });
    }
    const passes: [string, string][] = [
      ["an exit code", `${printsToken}; exit 1`],
      ["no accessToken", print('{"expires_on":2000000000}')],
      ["expires_on 0", print(`{"accessToken":"${canary}","expires_on":"0"}`)],
    ];
    for (const [name, script] of passes) {
      using _stand = new StandIn(runner, script);
      await assert.rejects(new Ours().getToken(usualScope), { name: "CredentialUnavailableError" }, name);
      assert.ok(await new Theirs().getToken(usualScope), name);
    }
    using _stand = new StandIn(runner, "exec sleep 1000");
    const limit = { processTimeoutInMs: 100 };
    await assert.rejects(new Ours(limit).getToken(usualScope), /did not answer within 100 ms/);
    await assert.rejects(new Theirs(limit).getToken(usualScope), /Unexpected end of JSON input/);
  });
}
