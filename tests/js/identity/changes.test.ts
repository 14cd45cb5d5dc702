// Every way in which az's files change under a watch, and what the next call learns of it.
import assert from "node:assert/strict";
import {
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { profileOf, testEach } from "./stand-in.ts";

testEach("nothing changed", async (stand) => {
  stand.write(profileOf("ann"));
  const watch = await stand.settledWatch();
  for (let call = 0; call < 20; call++) assert.equal(stand.call(watch), "same");
});

testEach("a first call learns nothing and asks for a look", async (stand) => {
  stand.write(profileOf("ann"));
  const watch = await stand.watch();
  assert.equal(watch.everyMs, 0);
  assert.equal(stand.call(watch), "same");
});

testEach("another account of equal size", async (stand) => {
  stand.write(profileOf("ann"));
  const watch = await stand.settledWatch();
  stand.write(profileOf("ben"));
  assert.equal(stand.call(watch), "changed");
  assert.equal(stand.call(watch), "same");
});

testEach("another account of equal size under restored times", async (stand) => {
  stand.write(profileOf("ann"));
  utimesSync(stand.path(), 1_700_000_000, 1_700_000_000);
  const watch = await stand.settledWatch();
  const before = statSync(stand.path());
  stand.writeKeepingTimes(profileOf("ben"));
  const after = statSync(stand.path());
  assert.deepEqual([after.mtimeMs, after.size, after.ino], [before.mtimeMs, before.size, before.ino]);
  assert.equal(stand.call(watch), "changed");
});

testEach("another file of equal size and time in its place", async (stand) => {
  stand.write(profileOf("ann"));
  const watch = await stand.settledWatch();
  stand.replace(profileOf("ben"));
  assert.equal(stand.call(watch), "changed");
});

testEach("two writes in a row, a call after each", async (stand) => {
  stand.write(profileOf("ann"));
  const watch = await stand.watch();
  for (const [user, verdict] of [
    ["ben", "changed"],
    ["ben", "same"],
    ["cat", "changed"],
    ["ann", "changed"],
  ] as const) {
    stand.writeKeepingTimes(profileOf(user));
    assert.equal(stand.call(watch), verdict, user);
  }
});

testEach(
  "an idempotent rewrite keeps tokens, a new login of the same account ends the session",
  async (stand) => {
    stand.write(profileOf("ann"));
    stand.write("{}", "msal_token_cache.json");
    const watch = await stand.settledWatch();
    const { session } = await watch.run(async () => "token");
    stand.write(profileOf("ann"));
    assert.equal(stand.call(watch), "same");
    stand.write('{"new":1}', "msal_token_cache.json");
    assert.equal(stand.call(watch), "same", "az writes it at every fetch");
    stand.write(profileOf("ann"));
    assert.deepEqual(stand.call(watch), { touched: session + 1 });
    assert.equal(stand.call(watch), "same");
  },
);

for (const name of [
  "msal_token_cache.bin",
  "service_principal_entries.json",
  "service_principal_entries.bin",
]) {
  testEach(`${name} counts as well`, async (stand) => {
    stand.write(profileOf("ann"));
    const watch = await stand.settledWatch();
    stand.write("x", name);
    stand.write(profileOf("ann"));
    assert.equal(typeof stand.call(watch), "object");
  });
}

testEach("a logout, by an empty list or by a deleted file", async (stand) => {
  stand.write(profileOf("ann"));
  const watch = await stand.settledWatch();
  stand.write('{"subscriptions":[]}');
  assert.equal(stand.call(watch), "changed");
  stand.write(profileOf("ann"));
  assert.equal(stand.call(watch), "changed");
  unlinkSync(stand.path());
  assert.equal(stand.call(watch), "changed");
});

testEach("a folder that is not there yet, and one that goes", async (stand) => {
  rmSync(stand.folder, { recursive: true });
  const watch = await stand.settledWatch();
  assert.equal(stand.call(watch), "same");
  mkdirSync(stand.folder);
  stand.write(profileOf("ann"));
  assert.equal(stand.call(watch), "changed");
  rmSync(stand.folder, { recursive: true });
  assert.equal(stand.call(watch), "changed");
});

testEach("the active cloud and the defaults in config count, the rest does not", async (stand) => {
  stand.write(profileOf("ann"));
  stand.write("[core]\noutput = json\n", "config");
  const watch = await stand.settledWatch();
  stand.write("[core]\noutput = table\n", "config");
  assert.equal(stand.call(watch), "same");
  stand.write("[defaults]\ngroup = g\n", "config");
  assert.equal(stand.call(watch), "changed");
  stand.write("[cloud]\nname = AzureChinaCloud\n", "config");
  assert.equal(stand.call(watch), "changed");
});

testEach("a section of the active cloud in clouds.config counts", async (stand) => {
  stand.write(profileOf("ann"));
  const watch = await stand.settledWatch();
  stand.write("[AzureCloud]\nendpoint_active_directory = https://login.example.com\n", "clouds.config");
  assert.equal(stand.call(watch), "changed");
});

testEach("another AZURE_CLOUD_NAME", async (stand) => {
  stand.write(profileOf("ann"));
  const watch = await stand.settledWatch();
  process.env["AZURE_CLOUD_NAME"] = "AzureChinaCloud";
  assert.equal(stand.call(watch), "changed");
  assert.equal(stand.call(watch), "same");
  delete process.env["AZURE_CLOUD_NAME"];
  assert.equal(stand.call(watch), "changed");
});

testEach("another AZURE_CONFIG_DIR, with another account or the same one logged in anew", async (stand) => {
  stand.write(profileOf("ann"));
  const watch = await stand.settledWatch();
  for (const [name, user] of [
    ["other", "ben"],
    ["third", "ben"],
  ] as const) {
    const folder = join(stand.home, name);
    mkdirSync(folder);
    writeFileSync(join(folder, "azureProfile.json"), profileOf(user));
    process.env["AZURE_CONFIG_DIR"] = folder;
    assert.notEqual(stand.call(watch), "same", name);
    assert.equal(stand.call(watch), "same");
  }
});

testEach("AZURE_CONFIG_DIR to and fro, many times a millisecond", async (stand) => {
  stand.write(profileOf("ann"));
  const watch = await stand.settledWatch();
  const other = join(stand.home, "other");
  mkdirSync(other);
  writeFileSync(join(other, "azureProfile.json"), profileOf("ben"));
  for (let round = 0; round < 50; round++) {
    process.env["AZURE_CONFIG_DIR"] = round % 2 === 0 ? other : stand.folder;
    assert.equal(watch.unchanged(Date.now()), false, `round ${round}`);
    assert.notEqual(watch.examine(), "same");
    assert.equal(watch.unchanged(Date.now()), true);
  }
});

testEach("a relative AZURE_CONFIG_DIR counts from az's folder", async (stand) => {
  stand.write(profileOf("ann"));
  process.env["AZURE_CONFIG_DIR"] = relative("/bin", stand.folder);
  const watch = await stand.settledWatch();
  stand.write(profileOf("ben"));
  assert.equal(stand.call(watch), "changed");
});

testEach("an empty AZURE_CONFIG_DIR cannot be watched, for as long as it is empty", async (stand) => {
  stand.write(profileOf("ann"));
  const watch = await stand.settledWatch();
  process.env["AZURE_CONFIG_DIR"] = "";
  for (let call = 0; call < 3; call++) assert.equal(stand.call(watch), "bypass");
  process.env["AZURE_CONFIG_DIR"] = stand.folder;
  assert.notEqual(stand.call(watch), "bypass");
  assert.equal(stand.call(watch), "same");
});

testEach("without AZURE_CONFIG_DIR it is .azure in HOME", async (stand) => {
  delete process.env["AZURE_CONFIG_DIR"];
  renameSync(stand.folder, join(stand.home, ".azure"));
  const profile = join(stand.home, ".azure", "azureProfile.json");
  writeFileSync(profile, profileOf("ann"));
  const watch = await stand.settledWatch();
  writeFileSync(profile, profileOf("ben"));
  assert.equal(stand.call(watch), "changed");
});

testEach("HOME counts from the call at which AZURE_CONFIG_DIR is gone", async (stand) => {
  stand.write(profileOf("ann"));
  const watch = await stand.settledWatch();
  process.env["HOME"] = join(stand.home, "elsewhere");
  assert.equal(stand.call(watch), "same");
  for (const [name, user] of [
    ["first", "ben"],
    ["second", "ann"],
    ["first", "ben"],
  ] as const) {
    const folder = join(stand.home, name, ".azure");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "azureProfile.json"), profileOf(user));
    delete process.env["AZURE_CONFIG_DIR"];
    process.env["HOME"] = join(stand.home, name);
    assert.equal(watch.unchanged(Date.now()), false, name);
    assert.equal(watch.examine(), "changed", name);
    assert.equal(watch.unchanged(Date.now()), true, name);
  }
});

testEach("a link to another folder, or to another file", async (stand) => {
  for (const user of ["ann", "ben"]) {
    mkdirSync(join(stand.home, user));
    writeFileSync(join(stand.home, user, "azureProfile.json"), profileOf(user));
  }
  const link = join(stand.home, "link");
  symlinkSync(join(stand.home, "ann"), link);
  process.env["AZURE_CONFIG_DIR"] = link;
  const watch = await stand.settledWatch();
  unlinkSync(link);
  symlinkSync(join(stand.home, "ben"), link);
  assert.equal(stand.call(watch), "changed");
  const profile = join(stand.home, "ben", "azureProfile.json");
  unlinkSync(profile);
  symlinkSync(join(stand.home, "ann", "azureProfile.json"), profile);
  assert.equal(stand.call(watch), "changed");
});

testEach("a link that leads nowhere is nobody", async (stand) => {
  stand.write(profileOf("ann"));
  const watch = await stand.settledWatch();
  unlinkSync(stand.path());
  symlinkSync(join(stand.home, "nowhere"), stand.path());
  assert.equal(stand.call(watch), "changed");
});

testEach("a second name for the same file changes nothing", async (stand) => {
  stand.write(profileOf("ann"));
  const watch = await stand.settledWatch();
  linkSync(stand.path(), stand.path("copy"));
  assert.equal(stand.call(watch), "same");
});

for (const [what, contents] of [
  ["torn", profileOf("ben").slice(0, 60)],
  ["empty", ""],
  ["blank", " \n"],
  ["a list", "[]"],
  ["binary", "\u0000\u0001"],
] as const) {
  testEach(
    `a profile that is ${what}: nothing is served or dropped, and after five seconds it fails`,
    async (stand) => {
      stand.write(profileOf("ann"));
      const watch = await stand.settledWatch();
      stand.write(contents);
      for (let call = 0; call < 3; call++) assert.ok("retryAfterMs" in (stand.call(watch) as object));
      stand.pass(5_000);
      const verdict = stand.call(watch) as { error: Error };
      assert.equal(verdict.error.name, "CredentialUnavailableError");
      assert.match(verdict.error.message, /azureProfile\.json/);
      stand.write(profileOf("ann"));
      assert.equal(stand.call(watch), "same", "the account is the one that it was");
    },
  );
}

testEach("a profile that is a folder or a pipe fails in the same way, and nothing hangs", async (stand) => {
  const watch = await stand.settledWatch();
  mkdirSync(stand.path());
  assert.ok("retryAfterMs" in (stand.call(watch) as object));
  stand.pass(5_000);
  assert.ok("error" in (stand.call(watch) as object));
});
