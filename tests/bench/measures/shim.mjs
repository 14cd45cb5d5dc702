// How long those wait who ask for az's token: by hand, through the shim, in Python, as terraform does; beside the real az.
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { azUser, program, python, realAz, resource } from "../az-user.mjs";
import { report } from "../child.mjs";
import { median } from "../interleave.mjs";
import { timeProcesses } from "../processes.mjs";

const scope = `${resource}/.default`;
const tokenArguments = ["account", "get-access-token", "-o", "json", "--resource", resource];

const user = await azUser({ vault: "kernel-keyring" });
const byHand = [program, "get-token", "--resource", resource];
const throughShim = [user.shim, ...tokenArguments];
const withAz = [realAz, ...tokenArguments];

const alone = await besideNothing();
const beside = await besideAz();
const terraform = await terraformsCalls();
const credential = await pythonsCredential();
const processes = await pythonsProcesses();
await user.end();

report({
  values: {
    "get-token.true": alone.timings.ratio("get-token", "true"),
    "shim.true": alone.timings.ratio("shim", "true"),
    "get-token.megabytes": alone.megabytes("get-token"),
    "shim.megabytes": alone.megabytes("shim"),
    "get-token.az": beside.ratio("az", "get-token"),
    "shim.az": beside.ratio("az", "shim"),
    "python.az": credential.ratio,
    "terraform.az": terraform.ratio("az", "shim"),
  },
  table: {
    title: "Milliseconds of those who ask for az's token, which az has too",
    cells: {
      "/bin/true": ms(alone.timings, "true"),
      "azure-token-cache get-token": ms(alone.timings, "get-token"),
      "az account get-access-token, shim": ms(alone.timings, "shim"),
      "az account get-access-token, az": ms(beside, "az"),
      "Python, get_token alone, shim": credential.shim,
      "Python, get_token alone, az": credential.az,
      "Python, the whole process, shim": ms(processes, "shim"),
      "Python, the whole process, az": ms(processes, "az"),
      "terraform's four calls in a row, shim": ms(terraform, "shim"),
      "terraform's four calls in a row, az": ms(terraform, "az"),
      "three of them, without the listing, shim": ms(terraform, "shim, no listing"),
      "three of them, without the listing, az": ms(terraform, "az, no listing"),
    },
  },
});

async function besideNothing() {
  for (const command of [byHand, throughShim]) await user.run(...command);
  const subjects = { true: one("/bin/true"), "get-token": one(...byHand), shim: one(...throughShim) };
  return timeProcesses(subjects, { warmUps: 20, rounds: 301, env: user.env });
}

async function besideAz() {
  const subjects = {
    "get-token": { ...one(...byHand), runs: 15 },
    shim: { ...one(...throughShim), runs: 15 },
    az: one(...withAz),
  };
  return (await timeProcesses(subjects, { warmUps: 1, rounds: 7, env: user.env })).timings;
}

/** As terraform's provider for Azure starts az before its first request. */
async function terraformsCalls() {
  const listing = ["account list -o=json"];
  const before = ["version -o=json", "account show -o=json"];
  const token = [`account get-access-token --scope ${scope} --tenant ${user.tenantId} -o=json`];
  const all = [...before, ...listing, ...token];
  const withoutListing = [...before, ...token];
  const subjects = {
    shim: { ...inARow(user.shim, all), runs: 15 },
    az: inARow(realAz, all),
    "shim, no listing": { ...inARow(user.shim, withoutListing), runs: 15 },
    "az, no listing": inARow(realAz, withoutListing),
  };
  return (await timeProcesses(subjects, { warmUps: 1, rounds: 5, env: user.env })).timings;
}

/** One command that makes the calls one after the other, and fails with the first that does. */
function inARow(az, calls) {
  return one("sh", "-c", calls.map((call) => `"$0" ${call}`).join(" && "), az);
}

/** The method alone, in one process of which the user waits for nothing else. */
async function pythonsCredential() {
  const paths = [dirname(user.shim), "15", dirname(realAz), "1"];
  const printed = await user.run(python, programNamed("az_credential.py"), scope, "7", ...paths);
  const [shim, az] = JSON.parse(printed);
  return {
    ratio: median(az.map((seconds, round) => seconds / shim[round])),
    shim: median(shim) * 1000,
    az: median(az) * 1000,
  };
}

async function pythonsProcesses() {
  const once = [python, programNamed("az_credential.py"), scope, "1"];
  const subjects = {
    shim: one(...once, dirname(user.shim), "1"),
    az: one(...once, dirname(realAz), "1"),
  };
  return (await timeProcesses(subjects, { warmUps: 1, rounds: 5, env: user.env })).timings;
}

function one(...command) {
  return { command };
}

function ms(timings, name) {
  return timings.ns(name) / 1e6;
}

function programNamed(name) {
  return fileURLToPath(new URL(`../programs/${name}`, import.meta.url));
}
