// Credentials are recognised in every copy of @azure/identity, and what is not recognised is watched.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AzureCliCredential as OwnAzureCliCredential } from "azure-token-cache/node";
import { type Recognised, recognise } from "../../../node/ts/kinds.ts";
import { copies, type Identity } from "./copies.ts";

const guid = "11111111-1111-1111-1111-111111111111";
const getToken = async () => null;

interface Expected {
  readonly name: string;
  /** The tools whose login counts; absent where none does. */
  readonly tools?: readonly string[];
  readonly reliance?: string;
  readonly keyedBy?: string;
  readonly interactive?: boolean;
  readonly claims?: boolean;
  readonly abortable?: boolean;
  readonly limitMs?: number;
}

function check(recognised: Recognised | undefined, expected: Expected): void {
  assert.ok(recognised, `${expected.name} is not recognised`);
  const { kind, login } = recognised;
  const { name, tools, reliance = "always", keyedBy = "general", interactive = false } = expected;
  const { claims = true, abortable = true, limitMs } = expected;
  assert.deepEqual(
    [kind.name, kind.keyedBy, kind.interactive, kind.honoursClaims, kind.abortable, kind.limitMs],
    [name, keyedBy, interactive, claims, abortable, limitMs],
  );
  assert.deepEqual([login?.tools, login?.reliance], tools ? [tools, reliance] : [undefined, undefined]);
}

const azureCli: Expected = {
  name: "AzureCliCredential",
  tools: ["az"],
  keyedBy: "az",
  claims: false,
  abortable: false,
};

/** Every class that can be had without a network, and what must be known of it. */
const credentials: readonly [(identity: Identity) => object, Expected][] = [
  [(identity) => new identity.AzureCliCredential(), azureCli],
  [(identity) => new identity.AzureCliCredential({ processTimeoutInMs: 7 }), { ...azureCli, limitMs: 7 }],
  [
    (identity) => new identity.AzureDeveloperCliCredential({ processTimeoutInMs: 7 }),
    { name: "AzureDeveloperCliCredential", tools: ["azd"], abortable: false, limitMs: 7 },
  ],
  [
    (identity) => new identity.AzurePowerShellCredential(),
    { name: "AzurePowerShellCredential", tools: ["powershell"], abortable: false, claims: false },
  ],
  [
    (identity) => new identity.VisualStudioCodeCredential(),
    { name: "VisualStudioCodeCredential", tools: ["vscode"], reliance: "perhaps" },
  ],
  [
    (identity) => new identity.DefaultAzureCredential(),
    {
      name: "ChainedTokenCredential",
      tools: ["vscode", "az", "powershell", "azd"],
      reliance: "perhaps",
    },
  ],
  [
    (identity) =>
      new identity.ChainedTokenCredential(
        new identity.ClientSecretCredential(guid, guid, "s"),
        new identity.ChainedTokenCredential(new identity.AzureCliCredential()),
      ),
    { name: "ChainedTokenCredential", tools: ["az"], reliance: "perhaps" },
  ],
  [
    (identity) => new identity.ChainedTokenCredential(new identity.ManagedIdentityCredential(), { getToken }),
    { name: "ChainedTokenCredential", tools: ["az", "azd", "powershell", "vscode"], reliance: "unknown" },
  ],
  [
    (identity) => new identity.ChainedTokenCredential(new identity.ManagedIdentityCredential()),
    { name: "ChainedTokenCredential" },
  ],
  [(identity) => new identity.ManagedIdentityCredential(), { name: "ManagedIdentityCredential" }],
  [(identity) => new identity.ClientSecretCredential(guid, guid, "s"), { name: "ClientSecretCredential" }],
  [
    (identity) => new identity.ClientAssertionCredential(guid, guid, async () => "a"),
    { name: "ClientAssertionCredential" },
  ],
  [
    (identity) => new identity.ClientCertificateCredential(guid, guid, { certificate: "c" }),
    { name: "ClientCertificateCredential" },
  ],
  [
    (identity) =>
      new identity.WorkloadIdentityCredential({ tenantId: guid, clientId: guid, tokenFilePath: "/f" }),
    { name: "WorkloadIdentityCredential" },
  ],
  [
    (identity) =>
      new identity.OnBehalfOfCredential({
        tenantId: guid,
        clientId: guid,
        clientSecret: "s",
        userAssertionToken: "u",
      }),
    { name: "OnBehalfOfCredential" },
  ],
  [
    (identity) => new identity.AzurePipelinesCredential(guid, guid, "connection", "token"),
    { name: "AzurePipelinesCredential" },
  ],
  [
    (identity) => new identity.AuthorizationCodeCredential(guid, guid, "s", "code", "http://localhost"),
    { name: "AuthorizationCodeCredential" },
  ],
  [
    (identity) => new identity.UsernamePasswordCredential(guid, guid, "u", "p"),
    { name: "UsernamePasswordCredential" },
  ],
  [(identity) => new identity.EnvironmentCredential(), { name: "EnvironmentCredential" }],
  [
    (identity) => new identity.InteractiveBrowserCredential({}),
    { name: "InteractiveBrowserCredential", interactive: true },
  ],
  [(identity) => new identity.DeviceCodeCredential({}), { name: "DeviceCodeCredential", interactive: true }],
];

for (const { name, identity } of copies) {
  test(`each credential of ${name} is recognised`, () => {
    process.env["SYSTEM_OIDCREQUESTURI"] = "http://localhost";
    for (const [make, expected] of credentials) check(recognise(make(identity)), expected);
  });

  test(`a minifier renames classes, and that is why names are not looked at: ${name}`, () => {
    const isRenamed = identity.AzureCliCredential.name !== "AzureCliCredential";
    assert.equal(isRenamed, name.includes("minified"));
  });

  test(`what a credential of ${name} hands to az is known`, () => {
    const options = { tenantId: guid, subscription: "My Sub" };
    const login = recognise(new identity.AzureCliCredential(options))?.login;
    assert.deepEqual([login?.tenantId, login?.subscription], [guid, "My Sub"]);
  });

  test(`the environment decides what is in chains of ${name}`, () => {
    const before = process.env["AZURE_TOKEN_CREDENTIALS"];
    try {
      process.env["AZURE_TOKEN_CREDENTIALS"] = "prod";
      check(recognise(new identity.DefaultAzureCredential()), { name: "ChainedTokenCredential" });
      process.env["AZURE_TOKEN_CREDENTIALS"] = "AzureCliCredential";
      check(recognise(new identity.DefaultAzureCredential()), {
        name: "ChainedTokenCredential",
        tools: ["az"],
        reliance: "perhaps",
      });
    } finally {
      if (before === undefined) delete process.env["AZURE_TOKEN_CREDENTIALS"];
      else process.env["AZURE_TOKEN_CREDENTIALS"] = before;
    }
  });

  test(`what extends or holds a credential of ${name} is watched as it is`, () => {
    class Extended extends identity.AzureCliCredential {
      readonly mine = 1;
    }
    check(recognise(new Extended()), azureCli);
    const held = { retries: 3, inner: new identity.AzureCliCredential(), getToken };
    check(recognise(held), { name: "credential", tools: ["az"], reliance: "perhaps" });
    const fixed = { inner: new identity.ClientSecretCredential(guid, guid, "s"), getToken };
    assert.equal(recognise(fixed), undefined, "what else it does, nobody knows");
  });
}

test("this package's own credential says what it is", () => {
  const own = new OwnAzureCliCredential({ tenantId: guid, subscription: "My Sub", processTimeoutInMs: 9 });
  const recognised = recognise(own);
  // A run's own limit counts from its start; a minute more is for the runs before it.
  check(recognised, { ...azureCli, limitMs: 60_009 });
  assert.deepEqual([recognised?.login?.tenantId, recognised?.login?.subscription], [guid, "My Sub"]);
});

test("what nobody knows is not recognised, and nothing throws", () => {
  const throwing = new Proxy(
    {},
    {
      get() {
        throw new Error("no");
      },
      getOwnPropertyDescriptor() {
        throw new Error("no");
      },
    },
  );
  for (const unknown of [
    { getToken },
    { getToken, msalClient: {}, tenantId: guid },
    throwing,
    Object.freeze({}),
  ]) {
    assert.equal(recognise(unknown), undefined);
  }
});

test("a shape that fits more than one tool is watched for each", () => {
  const recognised = recognise({ additionallyAllowedTenantIds: [], timeout: 1, getToken });
  assert.deepEqual(recognised?.login?.tools, ["az", "azd", "powershell"]);
});

test("a chain that holds itself ends", () => {
  const chain: { _sources: unknown[]; getToken: unknown } = { _sources: [], getToken };
  chain._sources.push(chain);
  assert.equal(recognise(chain)?.login?.reliance, "unknown");
});
