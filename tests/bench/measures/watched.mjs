// What a hit costs while the login is watched: files of a logged-in az, with the addon and without it.
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withTokenCache } from "azure-token-cache";
import { AzureCliCredential } from "azure-token-cache/node";
import { logIn } from "../az-files.mjs";
import { report } from "../child.mjs";
import { median } from "../interleave.mjs";
import { after, benchScope } from "../sources.mjs";

const rounds = 60;
const callsInARow = 500;
const samples = 1500;
const busyMs = 1000;
/** After this long the files are settled: their contents are no longer read on every call. */
const settleMs = 2600;

const folder = mkdtempSync(join(tmpdir(), "bench-az-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
logIn(folder);
process.env.AZURE_CONFIG_DIR = join(folder, "azure");
process.env.PATH = `${join(folder, "bin")}:/usr/bin:/bin`;

let passed = 0;
const checks = countChecks();
const withAddon = await settledCredential();
process.env.ATC_ADDON = "off";
const withoutAddon = await settledCredential();

const us = { inARow: [], inARowWithout: [], withAddon: [], withoutAddon: [], unchecked: [] };
for (let sample = 0; sample < samples; sample += 1) {
  us.withAddon.push(await checkedHit(withAddon));
  us.unchecked.push(await hit(withAddon));
  us.withoutAddon.push(await checkedHit(withoutAddon));
}
const counted = await busyFor(busyMs);
stepClocks();
for (let round = 0; round < rounds; round += 1) {
  us.inARow.push(await checkedInARow(withAddon));
  us.inARowWithout.push(await checkedInARow(withoutAddon));
}

report({
  values: { "watched.us": median(us.inARow), "watched.checks": counted.checks / counted.ms },
  table: {
    title: "Microseconds a hit of a watched az credential",
    cells: {
      "checked, with the addon, in a row": median(us.inARow),
      "checked, without the addon, in a row": median(us.inARowWithout),
      "checked, with the addon, one a millisecond": median(us.withAddon),
      "checked, without the addon, one a millisecond": median(us.withoutAddon),
      "the next one, in the same millisecond": median(us.unchecked),
    },
  },
});

async function settledCredential() {
  const credential = withTokenCache(new AzureCliCredential());
  await credential.getToken(benchScope);
  await after(settleMs);
  for (let call = 0; call < 3; call += 1) {
    await credential.getToken(benchScope);
    await after(2);
  }
  return credential;
}

/** From now on both clocks stand still but for `passed`: neither ever goes back, which would put off the next look. */
function stepClocks() {
  const [unix, monotonic] = [Date.now(), performance.now()];
  Date.now = () => unix + passed;
  performance.now = () => monotonic + passed;
}

/** Hits that each look at the files: a millisecond passes before each of them. */
async function checkedInARow(credential) {
  const before = checks();
  const began = process.hrtime.bigint();
  for (let call = 0; call < callsInARow; call += 1) {
    passed += 1;
    await credential.getToken(benchScope);
  }
  const took = Number(process.hrtime.bigint() - began) / 1000 / callsInARow;
  if (credential === withAddon && checks() - before < callsInARow) throw new Error("a hit was not checked");
  return took;
}

/** The first hit in a millisecond of the clock: the one that looks at the files. */
async function checkedHit(credential) {
  const now = Date.now();
  while (Date.now() === now);
  return hit(credential);
}

async function hit(credential) {
  const began = process.hrtime.bigint();
  await credential.getToken(benchScope);
  return Number(process.hrtime.bigint() - began) / 1000;
}

/** As many hits as there is time for. */
async function busyFor(ms) {
  const before = checks();
  const began = Date.now();
  let now = began;
  while (now - began < ms) {
    for (let call = 0; call < 100; call += 1) await withAddon.getToken(benchScope);
    now = Date.now();
  }
  return { checks: checks() - before, ms: now - began };
}

/** Counts how often the addon is asked for a look at the files. */
function countChecks() {
  const path = fileURLToPath(new URL("../../../dist/azure-token-cache.linux-x64-gnu.node", import.meta.url));
  const { prototype } = createRequire(import.meta.url)(path).LoginWitness;
  const { unchanged } = prototype;
  let count = 0;
  prototype.unchanged = function counted(monotonicMs, unixMs) {
    count += 1;
    return unchanged.call(this, monotonicMs, unixMs);
  };
  return () => count;
}
