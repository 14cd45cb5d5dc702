// Puts a built file into dist/: a process may run or have mapped the old one, so it is replaced by rename, never written over.
import { chmodSync, copyFileSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { root } from "./root.mjs";

/** `built` below target/release becomes `name` in dist/. */
export function placeInDist(built, name) {
  const dist = join(root, "dist");
  mkdirSync(dist, { recursive: true });
  const fresh = join(dist, `${name}.${process.pid}`);
  copyFileSync(join(root, "target", "release", built), fresh);
  chmodSync(fresh, 0o755);
  renameSync(fresh, join(dist, name));
}
