// Another account logs in to az while processes of one machine wait for a token, or without a trace in sizes and times: whoever
// is answered after that has the new account's token.
import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { alice, bruno, drone, robot } from "../../stand/directory.ts";
import { printedBy, type Run } from "../../stand/run.ts";
import { limits, owner, stage, waiting } from "../shim/stage.ts";

const on = stage();
const subject = fileURLToPath(new URL("one-token.subject.mjs", import.meta.url));
const sameTick = fileURLToPath(new URL("same-tick.subject.mjs", import.meta.url));
const vault = "https://vault.azure.net";
const command = ["account", "get-access-token", "--output", "json", "--resource", vault];
const askInNode = [subject, `${vault}/.default`, "ours", "{}"];

test(
  "processes that wait while another account logs in get its token, none the old one's",
  limits,
  async () => {
    const { az, entra, shim } = on();
    await az.login(robot);
    const hold = entra.control.hold({ resource: vault });
    const first = shim.start(command);
    await hold.arrived(1);
    const shims = Array.from({ length: 11 }, () => shim.start(command));
    const nodes = Array.from({ length: 4 }, () => shim.node(askInNode));
    const says = nodes.map(({ child }) => once(child.stdout as NonNullable<typeof child.stdout>, "data"));
    for (const { child } of shims) await waiting(child);
    for (const said of await Promise.all(says)) assert.equal(said[0], "waits\n");
    await az.login(drone);
    const before = (await az.starts()).length;
    const crowd = [first, ...shims, ...nodes];
    assert.ok(crowd.every(({ child }) => child.exitCode === null));
    hold.release();
    for (const { ended } of [first, ...shims]) assert.equal(owner(await ended), drone.objectId);
    for (const { ended } of nodes) assert.equal(ownerInNode(await ended), drone.objectId);
    // Who waited looks again, and runs no az for the account that is no more. Two may do so at once where a pause was long.
    const starts = (await az.starts()).length - before;
    assert.ok(starts <= 3, `${starts} starts of az`);
  },
);

test("a login within one tick, of the same size and with its time put back, is seen", limits, async () => {
  const { az, shim } = on();
  for (const user of [alice, bruno]) await az.login(user);
  const profile = join(az.configFolder, "azureProfile.json");
  const second = join(shim.folder, "second.json");
  await copyFile(profile, second);
  await az.login(alice);
  assert.equal((await stat(second)).size, (await stat(profile)).size);
  // A filesystem whose times come from the clock that ticks, which those on disks no longer do.
  const mount = `cp -a "$1" "$1.kept" && mount -t ramfs none "$1" && cp -a "$1.kept/." "$1" && shift && exec "$@"`;
  const alone = process.geteuid?.() === 0 ? [] : ["--map-root-user"];
  const args = [sameTick, profile, second, join(shim.folder, "bin", "az"), vault];
  const printed = await printedBy(
    "unshare",
    [
      "--mount",
      ...alone,
      "--",
      "sh",
      "-c",
      mount,
      "sh",
      az.configFolder,
      process.execPath,
      "--import",
      "tsx",
      ...args,
    ],
    { env: shim.environmentOfNode },
  );
  const [before, after] = [alice, bruno].map(({ objectId }) => ({ held: objectId, shim: objectId }));
  assert.deepEqual(JSON.parse(printed), { before, after });
});

/** Whose the token is that a program for Node told of. */
function ownerInNode({ code, stdout, stderr }: Run): string {
  assert.equal(code, 0, stderr);
  const { oid, error, message } = JSON.parse(stdout.trimEnd().split("\n").at(-1) as string);
  assert.equal(error, undefined, message);
  return oid;
}
