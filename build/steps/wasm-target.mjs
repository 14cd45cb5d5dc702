// Step: a compiler for wasm32-unknown-unknown: rustup's target, or Debian's rustc-web where rustup has none to offer.
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { installDebianPackages } from "../apt.mjs";
import { outputOf } from "../command.mjs";

export const triple = "wasm32-unknown-unknown";
const debianCompiler = "/usr/bin/rustc";
const debianLibrary = "/usr/lib/rustlib/src/rust/library/Cargo.lock";

/** Panic messages name source files: not where on this machine they are. */
const cargoHome = process.env.CARGO_HOME ?? join(homedir(), ".cargo");

export const wasmTarget = {
  name: "wasm target",
  says: `${triple} from rustup, else from Debian (ATC_WASM=debian forces it)`,
  run() {
    if (method() === "rustup" || hasDebianCompiler()) return;
    if (process.env.ATC_WASM !== "debian" && outputOf("rustup", ["target", "add", triple]) !== undefined)
      return;
    installDebianPackages(
      ["rustc-web", "rust-web-src"],
      `rustup has no ${triple} to offer, so Debian's is needed.`,
    );
  },
};

/** `rustup` where the active toolchain has the target and nothing forces the other way. */
export function method() {
  return process.env.ATC_WASM !== "debian" && existsSync(join(sysroot(), "lib", "rustlib", triple))
    ? "rustup"
    : "debian";
}

/** How cargo compiles for wasm here: arguments and environment to add. */
export function wasmCargo() {
  const env = { CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: `--remap-path-prefix=${cargoHome}=` };
  if (method() === "rustup") return { args: ["--target", triple], env };
  return {
    args: ["-Zbuild-std=std,panic_abort", "--target", triple],
    env: {
      ...env,
      RUSTC: debianCompiler,
      RUSTC_BOOTSTRAP: "1",
      CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: join(sysroot(), "lib/rustlib", host(), "bin/rust-lld"),
    },
  };
}

const hasDebianCompiler = () => existsSync(debianCompiler) && existsSync(debianLibrary);

const sysroot = () => outputOf("rustc", ["--print", "sysroot"]) ?? "";

const host = () => outputOf("rustc", ["-vV"])?.match(/^host: (.+)$/m)?.[1] ?? "";
