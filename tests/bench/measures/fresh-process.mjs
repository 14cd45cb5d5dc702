// How long a new process takes from its start to the token that another one has left in the store; whole processes, beside peers.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cachePersistencePath } from "../../../build/steps/cache-persistence.mjs";
import { msalExtensionsPython } from "../../../build/steps/msal-extensions.mjs";
import { Desktop } from "../../stand/desktop.ts";
import { robot } from "../../stand/directory.ts";
import { startEntra } from "../../stand/entra.ts";
import { logIn } from "../az-files.mjs";
import { report } from "../child.mjs";
import { timeProcesses } from "../processes.mjs";
import { after } from "../sources.mjs";

/** What it may cost: so much of an empty program's time, and the milliseconds that the line names. */
const share = 1.25;
/** After this long the files of the login are settled, as they are on any day but that of the login. */
const settleMs = 2600;

const folder = mkdtempSync(join(tmpdir(), "bench-fresh-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
logIn(folder);
mkdirSync(join(folder, "state"), { mode: 0o700 });
const entra = await startEntra();
const desktop = await Desktop.start(folder);
const env = {
  ...desktop.environment,
  PATH: `${join(folder, "bin")}:/usr/bin:/bin`,
  AZURE_CONFIG_DIR: join(folder, "azure"),
  XDG_STATE_HOME: join(folder, "state"),
  AZURE_TOKEN_CACHE_VAULT: "kernel-keyring",
  REQUESTS_CA_BUNDLE: entra.caPath,
};
const node = process.execPath;
const own = { "empty program": [node, programNamed("empty.mjs")], store: [node, programNamed("fresh.mjs")] };
const peers = {
  "@azure/identity": [node, programNamed("identity.mjs")],
  "empty Python": [msalExtensionsPython, "-c", ""],
};
/** Each asks for a token of its own. */
const applications = {
  fetching: withIdentity("none", "fetching"),
  plugin: withIdentity("azure-token-cache/plugin", "plugin"),
  "cache-persistence": withIdentity(cachePersistencePath, "cache-persistence"),
  msal: [msalExtensionsPython, programNamed("persistent_msal.py"), ...applicationFor("msal")],
};
const keeping = ["plugin", "cache-persistence", "msal"];

await after(settleMs);
await time(own, { warmUps: 0, rounds: 1 });
// From here on a process that asks az fails.
writeFileSync(join(folder, "bin", "az"), "#!/bin/sh\nexit 1\n");
const ours = await time(own, { warmUps: 3, rounds: 41 });
const theirs = await time(peers, { warmUps: 2, rounds: 9 });
// Node 20 reads these at the start of every program, which takes 18 ms.
const trusting = { NODE_EXTRA_CA_CERTS: entra.caPath };
const signedIn = await time(applications, { warmUps: 2, rounds: 21 }, trusting);
for (const name of keeping) checkThatOneFetched(name);
await desktop[Symbol.asyncDispose]();
await entra.close();

report({
  values: { "fresh.over": ours.beyond("store", share, "empty program") / 1e6 },
  table: {
    title: "Milliseconds from start to end of a process with a token that another one left",
    cells: {
      "an empty ESM program": ms(ours, "empty program"),
      "azure-token-cache with persistentStore()": ms(ours, "store"),
      "an import of @azure/identity, no token": ms(theirs, "@azure/identity"),
      "an application's token by @azure/identity, fetched from loopback": ms(signedIn, "fetching"),
      "the same, left by another process, with azure-token-cache/plugin": ms(signedIn, "plugin"),
      "the same, with @azure/identity-cache-persistence": ms(signedIn, "cache-persistence"),
      "an empty Python program": ms(theirs, "empty Python"),
      "azure-identity for Python, msal-extensions": ms(signedIn, "msal"),
    },
    notes: [
      "azure-token-cache has its key in the kernel's keyring; @azure/identity-cache-persistence and msal-extensions have what they keep",
      "in a desktop's, the real gnome-keyring. Whoever has an application's token asks loopback for the authority's configuration first.",
    ],
  },
});

async function time(commands, counts, more = {}) {
  const subjects = Object.entries(commands).map(([name, command]) => [name, { command }]);
  return (await timeProcesses(Object.fromEntries(subjects), { ...counts, env: { ...env, ...more } })).timings;
}

function withIdentity(plugin, name) {
  return [node, programNamed("identity-plugin.mjs"), plugin, ...applicationFor(name)];
}

function applicationFor(name) {
  return [entra.url, robot.tenantId, robot.appId, robot.secret, `${resourceOf(name)}/.default`];
}

function resourceOf(name) {
  return `https://${name}.example`;
}

/** Without which a peer would be timed at something else than what its row says. */
function checkThatOneFetched(name) {
  const fetches = entra.requests().byResource[resourceOf(name)] ?? 0;
  if (fetches !== 1) throw new Error(`the processes of ${name} fetched their token ${fetches} times`);
}

function ms(timings, name) {
  return timings.ns(name) / 1e6;
}

function programNamed(name) {
  return fileURLToPath(new URL(`../programs/${name}`, import.meta.url));
}
