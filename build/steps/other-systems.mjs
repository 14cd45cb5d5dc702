// Step: the libraries that a check for Windows and macOS needs: from rustup, else built from Debian's rust-web-src.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { installDebianPackages } from "../apt.mjs";
import { outputOf } from "../command.mjs";

/** Each system that is supported and not run in CI. */
export const otherSystems = ["x86_64-pc-windows-gnu", "aarch64-apple-darwin"];

const debianCompiler = "/usr/bin/rustc";
const debianLibrary = "/usr/lib/rustlib/src/rust/library/Cargo.lock";

export const otherSystemsTargets = {
  name: "other systems",
  says: "libraries to check the code for Windows and macOS with, from rustup, else from Debian",
  run() {
    const missing = otherSystems.filter((triple) => !has(triple));
    if (missing.length === 0 || hasDebian()) return;
    if (outputOf("rustup", ["target", "add", ...missing]) !== undefined) return;
    installDebianPackages(
      ["rustc-web", "rust-web-src"],
      `rustup has no ${missing.join(" and no ")} to offer, so Debian's source is needed.`,
    );
  },
};

/** How cargo checks for a system here: arguments and environment to add. */
export function checkingFor(triple) {
  const target = ["--target", triple];
  if (has(triple)) return { args: target, env: {} };
  return {
    args: ["-Zbuild-std", ...target],
    env: { RUSTC: debianCompiler, RUSTC_BOOTSTRAP: "1" },
  };
}

const has = (triple) => existsSync(join(sysroot(), "lib", "rustlib", triple));

const hasDebian = () => existsSync(debianCompiler) && existsSync(debianLibrary);

const sysroot = () => outputOf("rustc", ["--print", "sysroot"]) ?? "";
