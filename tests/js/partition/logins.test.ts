// Who is logged in to developer's tools is part of what their tokens stand under, alone, in chains, and beside a partition.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as identities from "@azure/identity";
import { cliIdentity } from "../../../node/ts/cli-identity.ts";
import { loadLoginWitness } from "../../../node/ts/login-watch/witness.ts";
import { nodePlatform } from "../../../node/ts/platform.ts";
import { generalKind } from "../../../wasm/ts/platform.ts";
import { keysFor, Shelf } from "../../../wasm/ts/shelf.ts";
import { MemoryTokenStore } from "../../../wasm/ts/store/memory-token-store.ts";
import { whoseTokens } from "../../../wasm/ts/whose.ts";
import { fakeToken } from "../../leaks/search.mjs";
import { profileOf, type Stand, testEach } from "../identity/stand-in.ts";

/** With the addon, and without one, where the watch is loaded when it is first needed. */
function eachWay(name: string, body: (stand: Stand) => Promise<void>): void {
  testEach(name, async (stand) => {
    await loadLoginWitness();
    await body(stand);
  });
}

const plain = { tenantId: undefined, cae: false, claims: undefined };
type Credential = Parameters<typeof nodePlatform.watch>[0];

/** Time that nothing takes any of. */
class Still {
  unixMillis = () => 0;
  monotonicMillis = () => 0;
  after = () => () => {};
  slow = () => new Error("slow");
}

/** Where the credential's token stands for whoever is logged in at the time of each question. */
function placed(credential: Credential, partition?: string, identity?: object) {
  const watch = nodePlatform.watch(credential, identity);
  const kind = (nodePlatform.kindOf(credential) ?? generalKind).name;
  const store = new MemoryTokenStore();
  const whose = whoseTokens(credential, { identity, partition }, watch, nodePlatform);
  const shelf = new Shelf(store, keysFor(kind, whose, watch), new Still());
  const find = () => {
    watch?.examine();
    return shelf.find(["s"], plain);
  };
  /** `undefined`: it is kept in memory alone. */
  const key = () => {
    const found = find();
    return found && Buffer.from(found.key).toString("latin1");
  };
  return { find, key, shelf, store };
}

/** Each tool, and how somebody logs in to it, as its files show. */
const tools: readonly [
  string,
  () => Credential,
  (stand: Stand, user: string) => void,
  (stand: Stand) => string,
][] = [
  [
    "azd",
    () => new identities.AzureDeveloperCliCredential(),
    (stand, user) => put(azdFile(stand), { auth: { account: { currentUser: { homeAccountId: user } } } }),
    azdFile,
  ],
  [
    "PowerShell",
    () => new identities.AzurePowerShellCredential(),
    (stand, user) => put(contextFile(stand), contextOf({ Id: user, Type: "User" })),
    contextFile,
  ],
  [
    "VS Code",
    () => new identities.VisualStudioCodeCredential(),
    (stand, user) => put(recordFile(stand), { homeAccountId: user }),
    recordFile,
  ],
];

for (const [name, make, logIn, file] of tools) {
  eachWay(`${name}: tokens stand under its login, and nobody's are in memory alone`, async (stand) => {
    const { key } = placed(make());
    assert.equal(key(), undefined);
    logIn(stand, "ann");
    const ann = key();
    assert.ok(ann !== undefined && !ann.includes("ann"), "a digest names nobody");
    logIn(stand, "ben");
    assert.notEqual(key(), ann);
    logIn(stand, "ann");
    assert.equal(key(), ann);
    rmSync(file(stand));
    assert.equal(key(), undefined);
  });

  eachWay(`${name}: a login of before a logout is another one, also of the same user`, async (stand) => {
    const { find } = placed(make());
    logIn(stand, "ann");
    const before = find()?.login;
    assert.deepEqual(find()?.login, before);
    rmSync(file(stand));
    logIn(stand, "ann");
    const after = find()?.login;
    assert.notEqual(after?.account, before?.account);
    assert.notEqual(after?.session, before?.session);
  });

  eachWay(`${name}: beside a partition its login counts as well`, async (stand) => {
    const { key } = placed(make(), "mine");
    const nobody = key();
    logIn(stand, "ann");
    const ann = key();
    logIn(stand, "ben");
    assert.equal(new Set([nobody, ann, key()]).size, 3);
    assert.notEqual(nobody, undefined);
  });

  eachWay(`${name}: a file that cannot be understood is nobody's, and nothing is shared`, async (stand) => {
    const { key } = placed(make(), "mine");
    logIn(stand, "ann");
    key();
    writeFileSync(file(stand), name === "VS Code" ? "" : "{");
    assert.equal(placed(make()).key(), undefined);
    if (name !== "VS Code") assert.equal(key(), undefined);
  });

  eachWay(`${name}: a home that was copied is another place`, async (stand) => {
    logIn(stand, "ann");
    const here = placed(make()).key();
    const copy = `${stand.home}/copy`;
    cpSync(dirname(file(stand)), join(copy, file(stand).slice(stand.home.length), ".."), {
      recursive: true,
      preserveTimestamps: true,
    });
    process.env["HOME"] = copy;
    const there = placed(make()).key();
    assert.ok(there !== undefined);
    assert.notEqual(there, here);
  });
}

eachWay(
  "az's tokens stand under its login too, with the addon where its other programs look",
  async (stand) => {
    const own = { getToken: async () => null };
    const each = [
      placed(new identities.AzureCliCredential()),
      placed(new identities.AzureCliCredential({ subscription: "One" })),
      placed(own, undefined, cliIdentity()),
      placed(own, undefined, cliIdentity({ subscription: "One" })),
    ];
    for (const { key } of each) assert.equal(key(), undefined);
    const keys = ["ann", "ben"].flatMap((user) => {
      stand.write(profileOf(user));
      return each.map(({ key }) => key());
    });
    assert.ok(keys.every((key) => key !== undefined));
    const isAddon = process.env["ATC_ADDON"] === "";
    assert.equal(
      new Set(keys).size,
      isAddon ? 4 : 8,
      "with the addon it is what az is asked that counts, not who asks",
    );
  },
);

eachWay("azd that was told to use az stands under az's login", async (stand) => {
  const { key } = placed(new identities.AzureDeveloperCliCredential());
  stand.write(profileOf("ann"));
  assert.equal(key(), undefined);
  put(join(stand.home, ".azd", "config.json"), { auth: { useAzCliAuth: "true" } });
  const ann = key();
  stand.write(profileOf("ben"));
  const ben = key();
  assert.equal(new Set([undefined, ann, ben]).size, 3);
});

eachWay(
  "identities that are not in the files are in memory alone, unless a partition names them",
  async (stand) => {
    const machines: [Credential, () => void][] = [
      [
        new identities.AzureDeveloperCliCredential(),
        () => put(azdFile(stand), { auth: { account: { currentUser: { managedIdentity: true } } } }),
      ],
      [
        new identities.AzurePowerShellCredential(),
        () => put(contextFile(stand), contextOf({ Id: "MSI@50342", Type: "ManagedService" })),
      ],
      [
        new identities.AzurePowerShellCredential(),
        () => {
          put(contextFile(stand), contextOf({ Id: "ann", Type: "User" }));
          put(join(dirname(contextFile(stand)), "AzureRmContextSettings.json"), { Mode: "Process" });
        },
      ],
      [
        new identities.ChainedTokenCredential(new identities.AzureCliCredential()),
        () => {
          const user = { name: "systemAssignedIdentity", type: "servicePrincipal" };
          stand.write(profileOf("", { user: { ...user, assignedIdentityInfo: "MSI" } }));
        },
      ],
    ];
    for (const [credential, logIn] of machines) {
      logIn();
      assert.equal(placed(credential).key(), undefined);
      assert.notEqual(placed(credential, "mine").key(), undefined);
    }
  },
);

eachWay("an azd that another program answers for is told by nobody", async (stand) => {
  put(azdFile(stand), { auth: { account: { currentUser: { homeAccountId: "ann" } } } });
  const alone = placed(new identities.AzureDeveloperCliCredential()).key();
  process.env["AZD_AUTH_ENDPOINT"] = "http://127.0.0.1:1";
  assert.notEqual(alone, undefined);
  assert.equal(placed(new identities.AzureDeveloperCliCredential()).key(), undefined);
});

eachWay("a chain without a partition stands under all of its parts and logins", async (stand) => {
  const chain = (secret: string) =>
    new identities.ChainedTokenCredential(
      new identities.ClientSecretCredential("t", "c", secret),
      new identities.AzureCliCredential(),
      new identities.AzureDeveloperCliCredential(),
    );
  const { key } = placed(chain("s"));
  const nobody = key();
  stand.write(profileOf("ann"));
  const ann = key();
  put(azdFile(stand), { auth: { account: { currentUser: { homeAccountId: "ben" } } } });
  const annAndBen = key();
  const other = placed(chain("other")).key();
  assert.equal(new Set([nobody, ann, annAndBen, other, undefined]).size, 5);
  assert.equal(placed(chain("s")).key(), annAndBen);
});

eachWay("a chain of tools alone in which nobody is logged in is in memory alone", async (stand) => {
  const chain = new identities.ChainedTokenCredential(
    new identities.AzureCliCredential(),
    new identities.AzureDeveloperCliCredential(),
  );
  const { key } = placed(chain);
  assert.equal(key(), undefined);
  stand.write(profileOf("ann"));
  assert.notEqual(key(), undefined);
});

eachWay(
  "with a partition, a chain serves no former user's token, and nobody's login is one of its own",
  async (stand) => {
    const { key } = placed(new identities.DefaultAzureCredential(), "my app");
    const nobody = key();
    stand.write(profileOf("ann"));
    const ann = key();
    stand.write(profileOf("ben"));
    const ben = key();
    stand.write('{"subscriptions":[]}');
    assert.equal(key(), nobody);
    assert.equal(new Set([nobody, ann, ben, undefined]).size, 4);
  },
);

eachWay("machines on which nobody is logged in share what a partition names", async (stand) => {
  const first = placed(new identities.DefaultAzureCredential(), "my app").find();
  const home = join(stand.home, "elsewhere");
  mkdirSync(home);
  Object.assign(process.env, { HOME: home, AZURE_CONFIG_DIR: join(home, ".azure") });
  const second = placed(new identities.DefaultAzureCredential(), "my app").find();
  assert.deepEqual(first?.key, second?.key);
  assert.deepEqual(first?.login, second?.login);
});

eachWay(
  "VS Code's credential goes on with the account that it has read, whose token is not shared then",
  async (stand) => {
    put(recordFile(stand), { homeAccountId: "ann" });
    const credential = new identities.VisualStudioCodeCredential();
    const chain = new identities.ChainedTokenCredential(credential, new identities.AzureCliCredential());
    const [alone, chained, named] = [placed(credential), placed(chain), placed(chain, "mine")];
    for (const { key } of [alone, chained, named]) assert.notEqual(key(), undefined);
    Object.assign(credential, { msalClient: { getActiveAccount: () => ({ homeAccountId: "ann" }) } });
    for (const { key } of [alone, chained, named]) assert.notEqual(key(), undefined);
    put(recordFile(stand), { homeAccountId: "ben" });
    for (const { key } of [alone, chained, named]) assert.equal(key(), undefined);
  },
);

eachWay("who asks to forget forgets for every login of the place", async (stand) => {
  const { shelf, store, find } = placed(new identities.DefaultAzureCredential(), "mine");
  for (const user of ["ann", "ben"]) {
    stand.write(profileOf(user));
    const found = find();
    assert.ok(found !== undefined);
    const token = { token: fakeToken(`${user}'s`), expiresAt: 4e12, acquiredAt: 0, login: found.login };
    await store.save(found.key, token, undefined);
  }
  assert.equal(store.held.length, 2);
  await shelf.invalidate(["other"], undefined);
  assert.equal(store.held.length, 2);
  await shelf.invalidate(["s"], undefined);
  assert.equal(store.held.length, 0);
});

eachWay("when nobody is logged in any more, what is left of those who were goes", async (stand) => {
  const { shelf, store, find } = placed(new identities.DefaultAzureCredential(), "mine");
  stand.write(profileOf("ann"));
  const found = find();
  assert.ok(found !== undefined);
  await store.save(
    found.key,
    { token: fakeToken("ann's"), expiresAt: 4e12, acquiredAt: 0, login: found.login },
    undefined,
  );
  shelf.vacate();
  await shelf.ready();
  assert.equal(store.held.length, 1, "ann is logged in");
  stand.write("{");
  find();
  shelf.vacate();
  await shelf.ready();
  assert.equal(store.held.length, 1, "nobody can say who is");
  stand.write('{"subscriptions":[]}');
  find();
  shelf.vacate();
  await shelf.ready();
  assert.equal(store.held.length, 0);
});

function azdFile(stand: Stand): string {
  return join(stand.home, ".azd", "auth.json");
}

function contextFile(stand: Stand): string {
  return join(stand.home, ".Azure", "AzureRmContext.json");
}

function recordFile(stand: Stand): string {
  const folder = join(stand.home, ".azure", "ms-azuretools.vscode-azureresourcegroups");
  return join(folder, "authRecord.json");
}

function contextOf(account: object): object {
  return { DefaultContextKey: "one", Contexts: { one: { Account: account, Tenant: { Id: "t" } } } };
}

function put(path: string, contents: object): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(contents));
}
