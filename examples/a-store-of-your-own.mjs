// Whatever keeps bytes makes a store that programs share: here a folder, in fifty lines, and checked by the suite for stores.
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seal, withTokenCache } from "azure-token-cache";
import { tokenStoreChecks } from "azure-token-cache/testing";

/** What it keeps is sealed before it comes here. A database, a bucket or a service would do it in the same six methods. */
class Folder {
  constructor(path) {
    this.tokens = join(path, "tokens");
    this.locks = join(path, "locks");
  }

  async load(name) {
    return readFile(join(this.tokens, name)).catch(() => null);
  }

  async save(name, bytes) {
    const fresh = join(this.locks, randomUUID());
    for (const folder of [this.tokens, this.locks]) await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(fresh, bytes, { mode: 0o600 });
    await rename(fresh, join(this.tokens, name)); // a reader sees the old bytes or the new ones
  }

  async remove(name) {
    await rm(join(this.tokens, name), { force: true });
  }

  async list() {
    return readdir(this.tokens).catch(() => []);
  }

  /** A folder with a file of its holder: another folder takes its place only while it is empty or gone. */
  async lock(name) {
    const [path, fresh, holder] = [join(this.locks, name), join(this.locks, randomUUID()), randomUUID()];
    await mkdir(fresh, { recursive: true, mode: 0o700 });
    await writeFile(join(fresh, holder), "");
    for (const other of await readdir(path).catch(() => []))
      if (await isOld(path, other)) await leave(path, other);
    const isTaken = await rename(fresh, path).then(
      () => true,
      () => false,
    );
    if (!isTaken) await leave(fresh, holder);
    return isTaken ? () => leave(path, holder) : null;
  }

  async clear() {
    await rm(this.tokens, { recursive: true, force: true });
  }
}

/** Its holder is gone: no fetch takes so long. */
async function isOld(path, holder) {
  const file = await stat(join(path, holder)).catch(() => undefined);
  return file !== undefined && Date.now() - file.mtimeMs > 1_200_000;
}

/** Each holder's file has a name of its own: who comes too late with this takes nobody else's away. */
async function leave(path, holder) {
  await rm(join(path, holder), { force: true });
  await rmdir(path).catch(() => {}); // another one's by now
}

const key = crypto.getRandomValues(new Uint8Array(32)); // kept where your other secrets are
const path = await mkdtemp(join(tmpdir(), "folder-"));
const storeIn = (place) => seal(new Folder(join(path, place)), { key });

const checks = tokenStoreChecks(storeIn);
for (const { run } of checks) await run(); // in your tests: for (const { name, run } of checks) test(name, run)
console.log(`${checks.length} promises kept`);

let fetches = 0;
const inner = {
  async getToken() {
    fetches += 1;
    return { token: "an opaque text", expiresOnTimestamp: Date.now() + 3_600_000 };
  },
};
for (const program of ["the first program", "the second one"]) {
  const options = { store: storeIn("mine"), partition: "tenant and client", identity: "fixed" };
  const credential = withTokenCache({ getToken: () => inner.getToken() }, options);
  const { token } = await credential.getToken("api://my-service/.default");
  await credential.close(); // the token is in the folder by now
  console.log(`${program} has ${token}: ${fetches} fetch`);
}
await rm(path, { recursive: true });
