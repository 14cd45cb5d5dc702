// Debian's Rust for other targets: where rustup has nothing to offer, its compiler builds the library from its own source.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { installDebianPackages } from "../apt.mjs";
import { outputOf } from "../command.mjs";

const compiler = "/usr/bin/rustc";
const library = "/usr/lib/rustlib/src/rust/library/Cargo.lock";

export const hasDebianRust = () => existsSync(compiler) && existsSync(library);

/** `why`: what the user is told where the packages have to be installed by hand. */
export const installDebianRust = (why) => installDebianPackages(["rustc-web", "rust-web-src"], why);

/** What makes cargo use it; `-Zbuild-std` goes with it. */
export const debianRustEnv = { RUSTC: compiler, RUSTC_BOOTSTRAP: "1" };

/** Of the active toolchain. */
export const sysroot = () => outputOf("rustc", ["--print", "sysroot"]) ?? "";

/** Whether the active toolchain has the library of a target. */
export const hasTarget = (triple) => existsSync(join(sysroot(), "lib", "rustlib", triple));
