// Files and folders that the process may not read, as an ordinary user meets them: for root, permissions do not exist.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { profileOf, type Stand, testEach } from "./stand-in.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const subject = fileURLToPath(new URL("unreadable.subject.ts", import.meta.url));
const nobody = 65_534;

interface Heard {
  readonly uid: number;
  readonly said: Record<"always" | "perhaps" | "unknown", readonly [unknown, unknown]>;
}

/** What the subject says, run as somebody who is not root. */
function asOrdinaryUser(stand: Stand): Heard {
  const node = [process.execPath, "--import", "tsx", subject];
  const drop = ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];
  const [program, ...args] = process.geteuid?.() === 0 ? [...drop, ...node] : node;
  const output = execFileSync(program as string, args, {
    cwd: root,
    env: { ...process.env, HOME: stand.home },
    encoding: "utf8",
  });
  const heard = JSON.parse(output) as Heard;
  assert.notEqual(heard.uid, 0);
  return heard;
}

for (const [what, deny] of [
  ["a profile", (stand: Stand) => chmodSync(stand.path(), 0)],
  ["a folder", (stand: Stand) => chmodSync(stand.folder, 0)],
] as const) {
  testEach(`${what} that may not be read stops az with an error, and nothing else`, async (stand) => {
    chmodSync(stand.home, 0o755);
    stand.write(profileOf("ann"));
    deny(stand);
    const { said } = asOrdinaryUser(stand);
    chmodSync(stand.folder, 0o755);
    assert.deepEqual(said.always[0], ["retryAfterMs"]);
    assert.match(String(said.always[1]), /azureProfile\.json cannot be read/);
    assert.deepEqual(said.perhaps, ["same", "same"]);
    assert.deepEqual(said.unknown, ["same", "same"]);
  });
}

testEach("a profile that may be read is read", async (stand) => {
  chmodSync(stand.home, 0o755);
  stand.write(profileOf("ann"));
  chmodSync(stand.path(), 0o644);
  assert.deepEqual(asOrdinaryUser(stand).said.always, ["same", "same"]);
});
