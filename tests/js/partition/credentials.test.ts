// Which credentials of @azure/identity need no partition with a store, and what the others say when none is named.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import * as identity from "@azure/identity";
import type { AccessToken, TokenCredential } from "azure-token-cache";
import { withTokenCache } from "azure-token-cache";
import { MemoryTokenStore } from "azure-token-cache/testing";
import { fakeToken } from "../../leaks/search.mjs";
import { keyOf } from "./keys.ts";

const scope = "https://vault.azure.net/.default";
const getToken = async () => null;

/** What a user is told, as far as the credential is concerned. */
const demanded: readonly [string, () => TokenCredential, RegExp][] = [
  [
    "managed identity",
    () => new identity.ManagedIdentityCredential(),
    /whose tokens ManagedIdentityCredential gets cannot be told, because its identity is that of the machine/,
  ],
  [
    "a chain that ends in managed identity",
    () => new identity.ChainedTokenCredential(secret("s"), new identity.ManagedIdentityCredential()),
    /ManagedIdentityCredential \(in ChainedTokenCredential\)/,
  ],
  [
    "a device code",
    () => new identity.DeviceCodeCredential({}),
    /anybody may sign in: give it the authenticationRecord/,
  ],
  [
    "a browser",
    () => new identity.InteractiveBrowserCredential({}),
    /InteractiveBrowserCredential.*anybody may sign in/,
  ],
  ["a class of one's own", () => ({ getToken }), /of a class that the cache does not know/],
  [
    "one of that in a chain",
    () => new identity.ChainedTokenCredential({ getToken }),
    /credential \(in Chained/,
  ],
  ["a class of one's own that holds the tool's", () => new Team(), /of a class that the cache does not know/],
  [
    "a certificate that is not there",
    () => new identity.ClientCertificateCredential("t", "c", "/no/such/certificate.pem"),
    /ClientCertificateCredential.*its certificate file cannot be read/,
  ],
  ["a class that extends az's", () => new MyAz(), /AzureCliCredential.*a getToken of its own/],
  ["a class that extends one", () => new Extended("t", "c", "s"), /a getToken of its own/],
  ["a method that was replaced", () => Object.assign(secret("s"), { getToken }), /a getToken of its own/],
];

class MyAz extends identity.AzureCliCredential {
  override getToken = getToken as never;
}

class Team {
  readonly primary = secret("s");
  readonly fallback = new identity.AzureCliCredential();

  getToken(scopes: string): Promise<AccessToken | null> {
    return this.primary.getToken(scopes);
  }
}

class Extended extends identity.ClientSecretCredential {
  override getToken = getToken as never;
}

for (const [name, make, message] of demanded)
  test(`a partition is demanded for ${name}, and the error says why`, () => {
    const wrap = () => withTokenCache(make(), { store: new MemoryTokenStore() });
    assert.throws(wrap, (error: Error) => {
      assert.equal((error as { option?: string }).option, "partition");
      assert.match(error.message, message);
      assert.match(error.message, /Pass a text that no credential of another identity is given/);
      return true;
    });
    withTokenCache(make(), { store: new MemoryTokenStore(), partition: "named" });
  });

test("a program that may not look into itself is told to name a partition", () => {
  const [major] = process.versions.node.split(".").map(Number);
  const flag = (major as number) >= 24 ? "--permission" : "--experimental-permission";
  const program = `
    import { ClientSecretCredential } from "@azure/identity";
    import { withTokenCache } from "azure-token-cache";
    import { MemoryTokenStore } from "azure-token-cache/testing";
    const wrap = (options) => withTokenCache(new ClientSecretCredential("t", "c", "s"), { store: new MemoryTokenStore(), ...options });
    try { wrap(); } catch (error) { console.log(error.option + ": " + error.message); }
    wrap({ partition: "mine" });`;
  const args = [flag, "--allow-fs-read=*", "--no-warnings", "--input-type=module", "--eval", program];
  const printed = execFileSync(process.execPath, args, { encoding: "utf8", cwd: import.meta.dirname });
  assert.match(printed, /^partition: .*its client id can only be read with Node's inspector/);
});

test("a managed identity is told by the name that the environment gives to the machine, and by which one it is", () => {
  const { ManagedIdentityCredential, ChainedTokenCredential } = identity;
  const each = [
    () => new ManagedIdentityCredential(),
    () => new ManagedIdentityCredential({ clientId: "one" }),
    () => new ManagedIdentityCredential({ clientId: "two" }),
    () => new ManagedIdentityCredential({ resourceId: "one" }),
    () => new ManagedIdentityCredential({ objectId: "one" }),
    () => new ChainedTokenCredential(new ManagedIdentityCredential()),
    () => new ChainedTokenCredential(secret("s"), new ManagedIdentityCredential()),
  ];
  try {
    const keys = ["web 1", "web 2"].flatMap((machine) => {
      process.env["AZURE_TOKEN_CACHE_PARTITION"] = machine;
      return each.map((make) => keyOf(make()).toString("latin1"));
    });
    assert.equal(new Set(keys).size, 2 * each.length);
    assert.deepEqual(
      keys.slice(each.length),
      each.map((make) => keyOf(make()).toString("latin1")),
    );
    const store = new MemoryTokenStore();
    for (const make of [() => ({ getToken }), () => new identity.DeviceCodeCredential({})])
      assert.throws(
        () => withTokenCache(make(), { store }),
        { option: "partition" },
        "it names no other identity",
      );
  } finally {
    delete process.env["AZURE_TOKEN_CACHE_PARTITION"];
  }
});

test("two instances of one configuration share a token, and those of another do not", async () => {
  const store = new MemoryTokenStore();
  const tokens = [];
  for (const each of [counted("one"), counted("one"), counted("two")]) {
    const token = await withTokenCache(each, { store }).getToken(scope);
    await saved();
    tokens.push(token?.token);
  }
  assert.deepEqual(tokens, ["1 of one", "1 of one", "1 of two"].map(fakeToken));
});

test("the token of a person who signs in as somebody else is not in the store", async () => {
  const store = new MemoryTokenStore();
  const credential = new identity.DeviceCodeCredential({
    clientId: "c",
    authenticationRecord: record("ann.t"),
  });
  const client = credential as unknown as { msalClient: Record<string, unknown> };
  let who = "ann.t";
  client.msalClient = {
    ...client.msalClient,
    getActiveAccount: () => ({ homeAccountId: who }),
    // Nobody answers for ann any more: the browser asks, and ben signs in.
    getTokenByDeviceCode: async () => {
      who = "ben.t";
      return { token: fakeToken("ben's"), expiresOnTimestamp: Date.now() + 3_600_000 };
    },
  };
  const wrapped = withTokenCache(credential, { store });
  assert.equal((await wrapped.getToken(scope))?.token, fakeToken("ben's"));
  await saved();
  assert.deepEqual(store.held, []);
});

function secret(clientSecret: string): identity.ClientSecretCredential {
  return new identity.ClientSecretCredential("t", "c", clientSecret);
}

/** Its tokens are numbered. */
function counted(clientSecret: string): TokenCredential {
  let fetches = 0;
  const credential = secret(clientSecret);
  const { msalClient } = credential as unknown as { msalClient: Record<string, unknown> };
  msalClient["getTokenByClientSecret"] = async () => {
    fetches += 1;
    return { token: fakeToken(`${fetches} of ${clientSecret}`), expiresOnTimestamp: Date.now() + 3_600_000 };
  };
  return credential;
}

function record(homeAccountId: string): identity.AuthenticationRecord {
  return {
    homeAccountId,
    authority: "login.microsoftonline.com",
    clientId: "c",
    tenantId: "t",
    username: "u",
  };
}

/** What is saved behind callers is saved by now: a memory store takes a few turns and no time. */
async function saved(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
}
