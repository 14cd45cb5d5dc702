// What an az run changed in AZURE_CONFIG_DIR, file by file.
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** `rewritten`: the times moved and the bytes did not. */
export type Change = "created" | "deleted" | "replaced" | "changed" | "changed, same size" | "rewritten";

export type Snapshot = ReadonlyMap<
  string,
  { inode: bigint; mtimeNs: bigint; ctimeNs: bigint; size: bigint; hash: string }
>;

/** Of the files that say who is logged in or hold tokens; az's logs, indexes and HTTP cache are left out. */
export async function snapshotOf(folder: string): Promise<Snapshot> {
  const names = (await readdir(folder).catch(() => [])).filter((name) =>
    watched.some((prefix) => name.startsWith(prefix)),
  );
  const entries = await Promise.all(
    names.map(async (name) => [name, await describe(join(folder, name))] as const),
  );
  return new Map(entries);
}

export function changesBetween(before: Snapshot, after: Snapshot): Record<string, Change> {
  const changes: Record<string, Change> = {};
  for (const name of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const change = changeOf(before.get(name), after.get(name));
    if (change !== undefined) changes[name] = change;
  }
  return changes;
}

const watched = [
  "azureProfile.json",
  "clouds.config",
  "config",
  "msal_token_cache",
  "service_principal_entries",
];

async function describe(path: string) {
  const { ino, mtimeNs, ctimeNs, size } = await stat(path, { bigint: true });
  const hash = createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
  return { inode: ino, mtimeNs, ctimeNs, size, hash };
}

type Described = Awaited<ReturnType<typeof describe>>;

function changeOf(before: Described | undefined, after: Described | undefined): Change | undefined {
  if (before === undefined) return after === undefined ? undefined : "created";
  if (after === undefined) return "deleted";
  if (before.inode !== after.inode) return "replaced";
  if (before.hash !== after.hash) return before.size === after.size ? "changed, same size" : "changed";
  return before.mtimeNs === after.mtimeNs && before.ctimeNs === after.ctimeNs ? undefined : "rewritten";
}
