// Every form that the shim answers, beside the real az: the same bytes, nothing on standard error, the same exit code.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { alice, robot } from "../../stand/directory.ts";
import { type Run, run } from "../../stand/run.ts";
import { limits, masked, type Shim, stage } from "./stage.ts";

const on = stage();
const token = ["account", "get-access-token"];
const vault = "https://vault.azure.net";
const asJson = [["-o", "json"], ["-ojson"], ["-o=json"], ["--output", "json"], ["--output=json"]];

test("tokens, in every form and in several time zones", limits, async () => {
  const { az, entra, shim } = on();
  await az.login(alice);
  const [subscription] = entra.directory.subscriptions;
  assert.ok(subscription !== undefined);
  const forms = [
    [],
    ...asJson,
    ["--output", "json", "--resource", vault],
    ["--resource=https://vault.azure.net"],
    ["--scope", `${vault}/.default`, "-o=json"],
    ["--resource", `${vault}/`],
    ["--scope", `${entra.url}/arm/.default`],
    ["--resource", vault, "--tenant", alice.tenantId],
    ["--resource", vault, "-t", "contoso.example"],
    ["--subscription", subscription.id],
    ["-s", subscription.name],
    ["--name", subscription.name.toUpperCase(), "-o", "json"],
    ["-n", subscription.id],
    ["--query", "accessToken"],
    ["--query", "accessToken", "-o", "json"],
    ["--query", "accessToken", "-o", "tsv"],
    ["--query=accessToken", "--resource", vault, "--output=tsv"],
  ];
  for (const [index, flags] of forms.entries()) {
    const zone = { TZ: ["UTC", "Asia/Kolkata", "America/New_York"][index % 3] ?? "UTC" };
    const real = await shim.start([...token, ...flags], { ...zone, AZURE_TOKEN_CACHE: "off" }).ended;
    assert.equal(real.code, 0, real.stderr);
    await assertAnswered(shim, [...token, ...flags], real, zone);
  }
});

test("the current account and the version, as terraform asks for them", limits, async () => {
  const { az, shim } = on();
  await az.login(robot);
  for (const command of [["account", "show"], ["account", "list"], ["version"]]) {
    for (const flags of [[], ...asJson]) {
      const real = await az.run(...command, ...flags);
      await shim.az(...command, ...flags);
      await assertAnswered(shim, [...command, ...flags], real);
    }
  }
});

test("a name beyond ASCII comes out as az writes it", limits, async () => {
  const { az, entra, shim } = on();
  await az.login(alice);
  const [subscription] = entra.directory.subscriptions;
  assert.ok(subscription !== undefined);
  await renameSubscription(join(az.configFolder, "azureProfile.json"), subscription.name);
  for (const locale of [{}, { LANG: "C" }, { LC_ALL: "C.UTF-8" }]) {
    const real = await shim.start(["account", "show"], { ...locale, AZURE_TOKEN_CACHE: "off" }).ended;
    assert.match(real.stdout, /K\u00f6ln/);
    await assertAnswered(shim, ["account", "show"], real, locale);
  }
});

test("what the shim leaves to az comes through it unchanged", limits, async () => {
  const { az, shim } = on();
  await az.login(robot);
  const [dev] = on().entra.directory.subscriptions;
  for (const args of [
    [...token, "--res", vault],
    [...token, "--tenant", robot.tenantId, "--subscription", dev?.id ?? ""],
    [...token, "--scope", `${vault}/.default`, "b/.default", "--query", "tenant"],
    [...token, "-o", "yaml", "--query", "tokenType"],
    [...token, "--query", "tokenType", "-o", "tsv"],
    [...token, "-o"],
    [...token, "--subscription", "no such"],
    ["account", "show", "--query", "user.name"],
    ["account", "list", "-o", "table"],
    ["group", "no-such-command"],
  ]) {
    const real = await az.run(...args);
    assert.deepEqual(masked(await shim.az(...args)), masked(real), args.join(" "));
  }
});

test("another default format is az's affair", limits, async () => {
  const { az, shim } = on();
  await az.login(robot);
  await az.succeed("config", "set", "core.output=yaml");
  for (const args of [
    ["account", "show"],
    ["account", "show", "-o", "json"],
  ]) {
    assert.deepEqual(masked(await shim.az(...args)), masked(await az.run(...args)), args.join(" "));
  }
});

test("AZURE_CORE_OUTPUT counts as for az: where it is another format, az answers", limits, async () => {
  const { az, shim } = on();
  await az.login(robot);
  for (const args of [
    ["account", "show"],
    [...token, "--resource", vault, "--query", "accessToken"],
  ]) {
    const real = async (format: string, ...flags: string[]) =>
      shim.start([...args, ...flags], { AZURE_CORE_OUTPUT: format, AZURE_TOKEN_CACHE: "off" }).ended;
    await assertAnswered(shim, args, await real("json"), { AZURE_CORE_OUTPUT: "json" });
    await assertAnswered(shim, [...args, "--output=json"], await real("yaml", "--output=json"), {
      AZURE_CORE_OUTPUT: "yaml",
    });
    const yaml = await real("yaml");
    await az.forgetStarts();
    const through = await shim.start(args, { AZURE_CORE_OUTPUT: "yaml" }).ended;
    assert.deepEqual(masked(through), masked(yaml), args.join(" "));
    assert.equal((await az.starts()).length, 1, args.join(" "));
  }
});

test("a shell's completion is az's", limits, async () => {
  const { az, shim } = on();
  await az.login(robot);
  // As bash asks: az writes to descriptor 8 what a word may become.
  const completing = {
    _ARGCOMPLETE: "1",
    _ARGCOMPLETE_IFS: "\n",
    COMP_LINE: "az account sh",
    COMP_POINT: "13",
  };
  const complete = (more: Record<string, string> = {}) => {
    const env = { ...shim.environment, ...completing, ...more };
    return run("sh", ["-c", "exec az account show 8>&1 9>&2 1>/dev/null 2>/dev/null"], { env }).ended;
  };
  const real = await complete({ AZURE_TOKEN_CACHE: "off" });
  assert.match(real.stdout, /^show ?$/m);
  assert.deepEqual(await complete(), real);
});

test("az's failures are the shim's: nobody logged in, a session that is over", limits, async () => {
  const { az, entra, shim } = on();
  const args = [...token, "--resource", vault];
  assert.deepEqual(masked(await shim.az(...args)), masked(await az.run(...args)));
  await az.login(alice);
  entra.control.revoke(alice);
  const real = await az.run(...args);
  assert.match(real.stderr, /AADSTS50173/);
  const failed = await shim.az(...args);
  const withoutIds = ({ code, stdout, stderr }: Run) => ({
    code,
    stdout,
    stderr: stderr.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/g, "?"),
  });
  assert.deepEqual(withoutIds(failed), withoutIds(real));
});

/** To a name with everything that JSON writers treat in ways of their own; written as az does, beyond ASCII in escapes. */
async function renameSubscription(profile: string, name: string): Promise<void> {
  const to = 'K\\u00f6ln \\"1\\" \\\\ \\ud83d\\ude00\u007f\\u2028\\u0001\\t/';
  const text = await readFile(profile, "utf8");
  assert.ok(text.includes(`"${name}"`));
  await writeFile(profile, text.replaceAll(`"${name}"`, `"${to}"`));
}

/**
 * The shim's second answer, without a run of az, is what az printed. Of one token az prints expiries that are a second apart, and
 * more on a busy machine: it adds up what time it is and what was left a moment ago, each cut to seconds.
 */
async function assertAnswered(
  shim: Shim,
  args: readonly string[],
  real: Run,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { az } = on();
  await shim.start(args, more).ended;
  await az.forgetStarts();
  const answered = await shim.start(args, more).ended;
  assert.deepEqual(await az.starts(), [], `az ran for ${args.join(" ")}`);
  const [shown, expected] = [answered, real].map(({ stdout }) => /"expires_on": (\d+)/.exec(stdout)?.[1]);
  const later = Number(shown ?? 0) - Number(expected ?? 0);
  assert.ok(Math.abs(later) <= 10, `${args.join(" ")}: ${later} s`);
  const expectation = { ...real, stdout: moved(real.stdout, later) };
  assert.deepEqual(masked(answered), masked(expectation), args.join(" "));
}

/** az's document, as if it had been printed so many seconds later. */
function moved(document: string, seconds: number): string {
  if (seconds === 0) return document;
  return document
    .replace(/(?<="expires_on": )\d+/, (digits) => String(Number(digits) + seconds))
    .replace(/(?<="expiresOn": ")[\d :-]+/, (text) => {
      const date = new Date(`${text.replace(" ", "T")}Z`);
      return new Date(date.getTime() + seconds * 1_000).toISOString().slice(0, 19).replace("T", " ");
    });
}
