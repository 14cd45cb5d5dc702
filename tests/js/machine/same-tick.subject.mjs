// A program that holds a token while another account logs in within one tick of the filesystem's clock, and leaves sizes and
// times as they were: prints whose token it, the shim and the program have before and after that.
import { execFileSync } from "node:child_process";
import { readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { withTokenCache } from "azure-token-cache";
import { AzureCliCredential, persistentStore } from "azure-token-cache/node";
import { untilNextLook } from "../../stand/next-look.ts";

const [profile, otherProfile, shim, resource] = process.argv.slice(2);
const [first, second] = [profile, otherProfile].map((path) => readFileSync(path));
const credential = withTokenCache(new AzureCliCredential(), { store: persistentStore() });

const before = { held: await held(), shim: ofShim() };
await loginUnseen();
console.log(JSON.stringify({ before, after: { shim: ofShim(), held: await held() } }));

/** Looks after the first login's write, and writes the second's before the clock goes on. */
async function loginUnseen() {
  for (let tries = 0; tries < 500; tries++) {
    const seen = written(first);
    untilNextLook();
    if ((await held()) !== before.held) throw new Error("another account before it logged in");
    if (written(second) === seen) return untilNextLook();
  }
  throw new Error(
    "no two writes left the same times: the files must lie where times come from a clock that ticks",
  );
}

/** What `stat` says after a write whose time is put back. */
function written(bytes) {
  writeFileSync(profile, bytes);
  utimesSync(profile, 1_700_000_000, 1_700_000_000);
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(profile, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join();
}

async function held() {
  return ownerOf((await credential.getToken(`${resource}/.default`)).token);
}

function ofShim() {
  const args = ["account", "get-access-token", "--resource", resource];
  return ownerOf(JSON.parse(execFileSync(shim, args, { encoding: "utf8" })).accessToken);
}

function ownerOf(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url")).oid;
}
