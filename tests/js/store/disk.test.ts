// A store on a disk that is full or cannot be written to: callers have their tokens, an event says what the store could not do,
// and what it could not do is done again once it can.
import assert from "node:assert/strict";
import { chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { printedBy } from "../../stand/run.ts";
import { Stand } from "./stand.ts";

const subject = fileURLToPath(new URL("disk.subject.mjs", import.meta.url));
const limits = { timeout: 60_000 };
const nobody = 65_534;
const isRoot = process.geteuid?.() === 0;

for (const [trouble, failed] of [
  ["full", "save"],
  ["read-only disk", "lock"],
] as const) {
  test(`a disk of its own: ${trouble}`, limits, async () => {
    using stand = new Stand();
    const disk = join(stand.state, "disk");
    mkdirSync(disk);
    const mount = `mount -t tmpfs -o size=128k,mode=700 none "$1" && shift && exec "$@"`;
    const alone = isRoot ? [] : ["--map-root-user"];
    const program = ["sh", "-c", mount, "sh", disk, process.execPath, subject, disk, trouble];
    check(await told(stand, "unshare", "--mount", ...alone, "--", ...program), failed);
  });
}

/** Nothing is read-only for root. */
test("an ordinary user's folders that are read-only", limits, async () => {
  using stand = new Stand();
  if (isRoot) for (const folder of [stand.state, stand.runtime]) chownSync(folder, nobody, nobody);
  const drop = isRoot ? ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"] : ["env"];
  const said = await told(stand, ...drop, process.execPath, subject, stand.state, "read-only folders");
  assert.notEqual(said.user, 0);
  check(said, "save");
});

interface Told {
  readonly user: number;
}

async function told(stand: Stand, program = "", ...args: string[]): Promise<Told> {
  return JSON.parse(await printedBy(program, args, { env: { ...stand.environment, HOME: stand.state } }));
}

/** Each two programs: they share a token where the store can be used, and have one each where it cannot. */
function check({ user: _user, ...said }: Told, failed: "save" | "lock"): void {
  const asked = (scope: string, fetches: number, ...failures: string[]) => {
    return { tokens: [`for ${scope}`, `for ${scope}`], fetches, failures };
  };
  const of = (operation: string) => `${operation}: PersistentStoreError STORE_SYSTEM`;
  assert.deepEqual(said, {
    before: asked("before", 1),
    meanwhile: asked("meanwhile", 2, of(failed)),
    fresh: asked("fresh", 2, of("lock")),
    after: asked("after", 1),
    rejections: [],
  });
}
