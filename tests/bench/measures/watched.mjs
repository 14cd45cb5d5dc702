// What a hit costs while the login is watched: files of a logged-in az, with the addon and without it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  const unix = Date.now();
  Date.now = () => unix + passed;
  // Where the watch reads the other one. What is timed here goes on by `bigint`.
  const [seconds, nanoseconds] = process.hrtime();
  const stepped = () => {
    const over = nanoseconds + passed * 1e6;
    return [seconds + Math.floor(over / 1e9), over % 1e9];
  };
  process.hrtime = Object.assign(stepped, { bigint: process.hrtime.bigint });
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
  // So many milliseconds touch one more of the clock's.
  return { checks: checks() - before, ms: now - began + 1 };
}

/** Counts how often the addon is asked for a look at the files. */
function countChecks() {
  // Loads it: another copy of its classes would count nothing.
  withTokenCache(new AzureCliCredential());
  const [{ LoginWitness }] = globalThis[Symbol.for("azure-token-cache.addons")].values();
  const { unchanged } = LoginWitness.prototype;
  let count = 0;
  LoginWitness.prototype.unchanged = function counted(monotonicMs, unixMs) {
    count += 1;
    return unchanged.call(this, monotonicMs, unixMs);
  };
  return () => count;
}
