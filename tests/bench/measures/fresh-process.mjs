// How long a new process takes from its start to the token that another one has left in the store; whole processes, beside peers.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { robot } from "../../stand/directory.ts";
import { startEntra } from "../../stand/entra.ts";
import { logIn } from "../az-files.mjs";
import { python } from "../az-user.mjs";
import { report } from "../child.mjs";
import { timeProcesses } from "../processes.mjs";
import { after, benchScope } from "../sources.mjs";

/** What it may cost: so much of an empty program's time, and the milliseconds that the line names. */
const share = 1.25;
/** After this long the files of the login are settled, as they are on any day but that of the login. */
const settleMs = 2600;

const folder = mkdtempSync(join(tmpdir(), "bench-fresh-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
logIn(folder);
mkdirSync(join(folder, "state"), { mode: 0o700 });
const entra = await startEntra();
const env = {
  PATH: `${join(folder, "bin")}:/usr/bin:/bin`,
  HOME: folder,
  AZURE_CONFIG_DIR: join(folder, "azure"),
  XDG_STATE_HOME: join(folder, "state"),
  AZURE_TOKEN_CACHE_VAULT: "kernel-keyring",
  REQUESTS_CA_BUNDLE: entra.caPath,
};
const node = process.execPath;
const own = { "empty program": [node, programNamed("empty.mjs")], store: [node, programNamed("fresh.mjs")] };
const peers = {
  "@azure/identity": [node, programNamed("identity.mjs")],
  "empty Python": [python, "-c", ""],
  msal: [python, programNamed("persistent_msal.py"), ...msalsArguments()],
};
const applications = {
  fetching: [node, programNamed("identity-plugin.mjs"), "no plugin", ...msalsArguments()],
  plugin: [node, programNamed("identity-plugin.mjs"), "plugin", ...msalsArguments()],
};

await after(settleMs);
await time(own, { warmUps: 0, rounds: 1 });
// From here on a process that asks az fails.
writeFileSync(join(folder, "bin", "az"), "#!/bin/sh\nexit 1\n");
const ours = await time(own, { warmUps: 3, rounds: 41 });
const theirs = await time(peers, { warmUps: 2, rounds: 9 });
const signedIn = await time(applications, { warmUps: 2, rounds: 21 }, { NODE_EXTRA_CA_CERTS: entra.caPath });
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
      "an empty Python program": ms(theirs, "empty Python"),
      "azure-identity for Python, msal-extensions": ms(theirs, "msal"),
    },
    notes: [
      "msal-extensions keeps the token in an unencrypted file here, and MSAL asks for its authority's configuration at each start.",
      "@azure/identity-cache-persistence needs keytar, whose native part cannot be had without a download or a compiler;",
      "elsewhere it took 300 to 390 ms to a token.",
    ],
  },
});

async function time(commands, counts, more = {}) {
  const subjects = Object.entries(commands).map(([name, command]) => [name, { command }]);
  return (await timeProcesses(Object.fromEntries(subjects), { ...counts, env: { ...env, ...more } })).timings;
}

function msalsArguments() {
  return [entra.url, robot.tenantId, robot.appId, robot.secret, benchScope];
}

function ms(timings, name) {
  return timings.ns(name) / 1e6;
}

function programNamed(name) {
  return fileURLToPath(new URL(`../programs/${name}`, import.meta.url));
}
