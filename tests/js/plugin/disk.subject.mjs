// A program on a disk that fills up, as a test starts it: signs users in before, while and after there is no space.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cachePersistence } from "azure-token-cache/plugin";
import { App, cachePluginsOf } from "./msal.mjs";

const [directory] = process.argv.slice(2);
const filler = join(directory, "filler");
const open = async () => new App(await cachePluginsOf(cachePersistence({ vault: "key-file", directory }))[0]);

const app = await open();
await app.signIn("ann");
for (const size of [4_096, 1]) fill(size);
const code = await app.signIn("ben").catch((error) => error.code);
const inMemory = await app.users();
rmSync(filler);
const onDisk = await (await open()).users();
await app.signIn("cid");
console.log(JSON.stringify({ code, inMemory, onDisk, after: await (await open()).users() }));

function fill(size) {
  try {
    for (;;) writeFileSync(filler, Buffer.alloc(size), { flag: "a" });
  } catch ({ code }) {
    if (code !== "ENOSPC") throw new Error(code);
  }
}
