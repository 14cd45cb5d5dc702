// A program whose store cannot be written to for a while, as a test starts it: says which tokens it got, and what its cache told.
import { execFileSync } from "node:child_process";
import { chmodSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withTokenCache } from "azure-token-cache";
import { persistentStore } from "azure-token-cache/node";
import { fakeNameOf, fakeToken } from "../../leaks/search.mjs";

const [directory, trouble] = process.argv.slice(2);
const filler = join(directory, "filler");

/** How each begins and ends. */
const troubles = {
  full: [() => [4_096, 1].forEach(fill), () => rmSync(filler)],
  "read-only disk": [() => mounted("ro"), () => mounted("rw")],
  "read-only folders": [() => changeFolders(0o500), () => changeFolders(0o700)],
};

const [begin, end] = troubles[trouble];
const rejections = [];
process.on("unhandledRejection", (reason) => rejections.push(String(reason)));
const told = { user: process.geteuid(), before: await ask("before") };
begin();
told.meanwhile = await ask("meanwhile");
told.fresh = await ask("fresh", join(directory, "a store that nobody has used"));
end();
told.after = await ask("after");
await new Promise(setImmediate);
console.log(JSON.stringify({ ...told, rejections }));

/** A program's cache on the store: whose token it got, of how many fetches, and what its store could not do. */
async function ask(scope, folder = directory) {
  const failures = new Set();
  const asked = async () => {
    const onEvent = ({ type, operation, errorName, errorCode }) => {
      if (type === "store-failed") failures.add(`${operation}: ${errorName} ${errorCode}`);
    };
    const options = { store: persistentStore({ vault: "key-file", directory: folder }), onEvent };
    const credential = withTokenCache(source, { ...options, partition: "of the test", identity: "fixed" });
    const { token } = await credential.getToken(scope);
    await credential.close();
    return fakeNameOf(token);
  };
  let fetches = 0;
  const source = {
    async getToken() {
      fetches += 1;
      return { token: fakeToken(`for ${scope}`), expiresOnTimestamp: Date.now() + 3_600_000 };
    },
  };
  const tokens = [await asked(), await asked()];
  return { tokens, fetches, failures: [...failures] };
}

function fill(size) {
  try {
    for (;;) writeFileSync(filler, Buffer.alloc(size), { flag: "a" });
  } catch ({ code }) {
    if (code !== "ENOSPC") throw new Error(code);
  }
}

function mounted(how) {
  execFileSync("mount", ["-o", `remount,${how}`, directory]);
}

function changeFolders(mode) {
  chmodSync(directory, mode);
  const below = readdirSync(directory, { recursive: true, withFileTypes: true });
  for (const entry of below) if (entry.isDirectory()) chmodSync(join(entry.parentPath, entry.name), mode);
}
