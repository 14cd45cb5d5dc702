// What a store costs once the token is here: hits of a credential with one beside hits of the same without.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withTokenCache } from "azure-token-cache";
import { persistentStore } from "azure-token-cache/node";
import { report } from "../child.mjs";
import { interleave, loopOf } from "../interleave.mjs";
import { benchScope, source } from "../sources.mjs";

const rounds = 101;
const shapes = { scope: "getToken(scope)", options: "getToken([scope], { enableCae: true })" };

const folder = mkdtempSync(join(tmpdir(), "bench-store-"));
// A key file lies in memory only.
const runtime = mkdtempSync("/dev/shm/bench-store-");
process.on("exit", () => {
  for (const path of [folder, runtime]) rmSync(path, { recursive: true, force: true });
});
process.env.XDG_RUNTIME_DIR = runtime;

const fixed = { identity: "fixed", partition: "bench" };
const store = persistentStore({ directory: folder, vault: "key-file" });
const credentials = {
  "without a store": withTokenCache(source(), fixed),
  "with persistentStore()": withTokenCache(source(), { ...fixed, store }),
};
const subjects = Object.entries(credentials).flatMap(([name, credential]) =>
  Object.values(shapes).map((shape) => ({
    name: `${name}, ${shape}`,
    run: loopOf(`credential.${shape}`, { credential, scope: benchScope }),
  })),
);
for (const { run } of subjects) await run(1);
const timings = await interleave(subjects, { rounds });
if (!files().some((path) => /[0-9a-f]{64}$/.test(path))) throw new Error("the store has kept no token");

report({
  values: { "store.hit": beside(shapes.scope), "store.hitOptions": beside(shapes.options) },
  table: { title: "Nanoseconds a hit, with a store and without", cells: timings.all() },
});

function files() {
  return readdirSync(folder, { recursive: true }).map(String);
}

function beside(shape) {
  return timings.ratio(`with persistentStore(), ${shape}`, `without a store, ${shape}`);
}
