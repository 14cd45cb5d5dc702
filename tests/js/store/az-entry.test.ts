// Where the store keeps az's token: what tells one entry from another, and when there is none.
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { LoginNeeds } from "../../../node/ts/login-watch/login-watch.ts";
import type { LoginWatch, StoredPlace } from "../../../wasm/ts/platform.ts";
import { azNeeds, profileOf, Stand, tenant } from "../identity/stand-in.ts";

const vault = "https://vault.azure.net/.default";

/** Only where there is an addon is there a store. */
function azTest(name: string, body: (stand: Stand, context: TestContext) => Promise<void>): void {
  test(name, { timeout: 60_000 }, async (context) => {
    using stand = new Stand(context, "addon");
    await body(stand, context);
  });
}

function ask(watch: LoginWatch, scopes = [vault], tenantId?: string): StoredPlace | undefined {
  return watch.stored?.({ scopes, tenantId });
}

/** The parts of the key, as text. */
function partsOf(place: StoredPlace | undefined): string[] {
  assert.ok(place);
  const parts: string[] = [];
  for (let rest = Buffer.from(place.key); rest.length > 0; ) {
    const end = 4 + rest.readUInt32BE();
    parts.push(rest.toString("utf8", 4, end));
    rest = rest.subarray(end);
  }
  return parts;
}

/** Entries of which no two are one. */
function allDiffer(places: readonly (StoredPlace | undefined)[]): void {
  const keys = places.map((place) => partsOf(place).join("\0"));
  assert.equal(new Set(keys).size, keys.length);
}

azTest("a key says whose token it is, and what for", async (stand) => {
  stand.write(profileOf("ann"));
  const place = ask(await stand.watch());
  const [kind, user, folder, account, ...request] = partsOf(place);
  assert.deepEqual([kind, user, folder], ["az 1", String(process.geteuid?.()), stand.folder]);
  assert.match(String(account), /ann@example\.com/);
  assert.deepEqual(request, ["resource", "https://vault.azure.net", "", ""]);
  assert.equal(place?.account, "ann@example.com");
});

azTest("requests that az answers alike share an entry, others do not", async (stand) => {
  stand.write(profileOf("ann"));
  const watch = await stand.watch();
  assert.deepEqual(ask(watch, ["https://vault.azure.net", "ignored"]), ask(watch));
  assert.deepEqual(ask(watch, [vault], ""), ask(watch));
  const subscribed = await stand.watch({ ...azNeeds, subscription: "One" });
  allDiffer([
    ask(watch),
    ask(watch, ["https://vault.azure.net//.default"]),
    ask(watch, ["https://management.azure.com/.default"]),
    ask(watch, [vault], tenant),
    ask(subscribed),
  ]);
});

azTest("accounts, clouds and folders share no entry, two names of one folder do", async (stand) => {
  stand.write(profileOf("ann"));
  const ann = ask(await stand.watch());
  stand.write(profileOf("ben"));
  const ben = ask(await stand.watch());
  stand.write("[cloud]\nname = AzureCloud\n[defaults]\ngroup = g\n", "config");
  const configured = ask(await stand.watch());
  const copy = join(stand.home, "copy");
  mkdirSync(copy);
  writeFileSync(join(copy, "azureProfile.json"), profileOf("ann"));
  symlinkSync(copy, join(stand.home, "link"));
  process.env["AZURE_CONFIG_DIR"] = copy;
  const copied = ask(await stand.watch());
  process.env["AZURE_CONFIG_DIR"] = join(stand.home, "link");
  assert.deepEqual(partsOf(ask(await stand.watch())), partsOf(copied));
  allDiffer([ann, ben, configured, copied]);
});

azTest(
  "a credential's own tenant is part of the key, and another one that it may refuse has no entry",
  async (stand) => {
    stand.write(profileOf("ann"));
    const own = await stand.watch({ ...azNeeds, tenantId: tenant });
    assert.deepEqual(partsOf(ask(own)).slice(-2), [tenant, ""]);
    assert.deepEqual(ask(own, [vault], tenant), ask(own));
    assert.equal(ask(own, [vault], "contoso.com"), undefined);
    const free = await stand.watch();
    assert.deepEqual(partsOf(ask(free, [vault], "contoso.com")).slice(-2), ["contoso.com", ""]);
    process.env["AZURE_IDENTITY_DISABLE_MULTITENANTAUTH"] = "1";
    assert.equal(ask(free, [vault], "contoso.com"), undefined);
    assert.ok(ask(free));
  },
);

azTest("what az would refuse has no entry", async (stand) => {
  stand.write(profileOf("ann"));
  assert.equal(ask(await stand.watch(), []), undefined);
  assert.equal(ask(await stand.watch(), ["a b"]), undefined);
  assert.equal(ask(await stand.watch({ ...azNeeds, subscription: "One" }), [vault], tenant), undefined);
});

azTest("identities that are not in the files have no entry", async (stand) => {
  const machine = {
    user: { name: "systemAssignedIdentity", type: "servicePrincipal", assignedIdentityInfo: "MSI" },
  };
  stand.write(profileOf("", machine));
  assert.equal(ask(await stand.watch()), undefined);
  stand.write(profileOf("ann", { user: { name: "ann", type: "user", cloudShellID: true } }));
  assert.ok(ask(await stand.watch()));
  process.env["ACC_CLOUD"] = "1";
  assert.equal(ask(await stand.watch()), undefined);
  delete process.env["ACC_CLOUD"];
  process.env["COPILOT_AGENT_SESSION_ID"] = "s";
  assert.equal(ask(await stand.watch()), undefined);
});

azTest("a profile that is broken, or not yet read, names no entry and vacates none", async (stand) => {
  stand.write(profileOf("ann").slice(0, -1));
  const watch = await stand.watch();
  assert.deepEqual([ask(watch), vacated(watch)], [undefined, undefined]);
  process.env["AZURE_CONFIG_DIR"] = stand.home;
  assert.equal(watch.unchanged(Date.now()), false);
  assert.deepEqual([ask(watch), vacated(watch)], [undefined, undefined]);
  watch.examine();
  assert.ok(vacated(watch));
  process.env["AZURE_CONFIG_DIR"] = "";
  const bypassing = await stand.watch();
  assert.deepEqual([ask(bypassing), vacated(bypassing)], [undefined, undefined]);
});

for (const [what, needs] of Object.entries({
  "a chain": { ...azNeeds, reliance: "perhaps" },
  "an unknown credential": { ...azNeeds, reliance: "unknown" },
  "Azure Developer CLI": { ...azNeeds, tools: ["azd"] },
  "az and another tool": { ...azNeeds, tools: ["az", "powershell"] },
} satisfies Record<string, LoginNeeds>)) {
  azTest(`the files do not say whose tokens they are of ${what}`, async (stand) => {
    stand.write(profileOf("ann"));
    assert.equal((await stand.watch(needs)).stored, undefined);
  });
}

azTest("without the addon there is no entry", async (stand) => {
  stand.write(profileOf("ann"));
  process.env["ATC_ADDON"] = "off";
  assert.equal(ask(await stand.watch()), undefined);
});

azTest("a login is told from the next one, and from none, by what was seen last", async (stand) => {
  stand.write(profileOf("ann"));
  stand.write("{}", "msal_token_cache.json");
  const watch = await stand.watch();
  const first = ask(watch)?.login;
  for (const digest of [first?.account, first?.session]) assert.match(String(digest), /^[0-9a-f]{16}$/);
  stand.write("{ }", "msal_token_cache.json");
  assert.deepEqual(ask(watch)?.login, first);
  watch.examine();
  const refreshed = ask(watch)?.login;
  assert.equal(refreshed?.account, first?.account);
  assert.notEqual(refreshed?.session, first?.session);
  stand.replace(profileOf("ann"));
  watch.examine();
  const touched = ask(watch)?.login;
  assert.notEqual(touched?.account, first?.account);
  assert.equal(touched?.session, refreshed?.session);
  assert.deepEqual(ask(await stand.watch())?.login, touched);
});

azTest(
  "where nobody is logged in there is no entry, and every token of the folder is nobody's",
  async (stand) => {
    stand.write(profileOf("ann"));
    const watch = await stand.watch();
    const place = ask(watch);
    assert.equal(vacated(watch), undefined);
    stand.write('{"subscriptions": []}');
    assert.equal(vacated(watch), undefined);
    watch.examine();
    assert.equal(ask(watch), undefined);
    const beginning = Buffer.from(vacated(watch) ?? []);
    assert.deepEqual(partsOf({ ...(place as StoredPlace), key: beginning }), partsOf(place).slice(0, 3));
  },
);

function vacated(watch: LoginWatch): Uint8Array | undefined {
  return (watch as { vacated?(): Uint8Array | undefined }).vacated?.();
}
