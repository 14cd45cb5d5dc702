// Step: the libraries that a check for Windows and macOS needs: from rustup, else built from Debian's rust-web-src.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { outputOf } from "../command.mjs";
import { root } from "../root.mjs";
import { debianRustEnv, hasDebianRust, hasTarget, installDebianRust } from "./debian-rust.mjs";

/** Each system that is supported and not run in CI. */
export const otherSystems = ["x86_64-pc-windows-gnu", "aarch64-apple-darwin"];

export const otherSystemsTargets = {
  name: "other systems",
  says: "libraries to check the code for Windows and macOS with, from rustup, else from Debian",
  run() {
    const missing = otherSystems.filter((triple) => !hasTarget(triple));
    if (missing.length === 0 || hasDebianRust()) return;
    if (outputOf("rustup", ["target", "add", ...missing]) !== undefined) return;
    installDebianRust(`rustup has no ${missing.join(" and no ")} to offer, so Debian's source is needed.`);
  },
};

/** How cargo checks for a system here: arguments and environment to add. */
export function checkingFor(triple) {
  const target = ["--target", triple];
  const env = triple.includes("windows") ? { LIBNODE_PATH: folderOfNoLibrary() } : {};
  if (hasTarget(triple)) return { args: target, env };
  return { args: ["-Zbuild-std", ...target], env: { ...env, ...debianRustEnv } };
}

/** An addon for Windows links with Node's own library, which its build script looks for; a check links nothing. */
function folderOfNoLibrary() {
  const folder = join(root, "target", "setup", "libnode");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "libnode.dll"), "");
  return folder;
}
