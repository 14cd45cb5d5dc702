// Step: a compiler for wasm32-unknown-unknown, and the source of its library: from rustup, else from Debian's rustc-web.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { outputOf } from "../command.mjs";
import { root } from "../root.mjs";
import { debianRustEnv, hasDebianRust, hasTarget, installDebianRust, sysroot } from "./debian-rust.mjs";

export const triple = "wasm32-unknown-unknown";

/** Panic messages name source files: not where on this machine they are. */
const cargoHome = process.env.CARGO_HOME ?? join(homedir(), ".cargo");

/** Below this an inlined call is smaller than the call: measured, a twentieth of the module. */
const flags = [`--remap-path-prefix=${cargoHome}=`, "-Cllvm-args=-inline-threshold=25"];

/** A library of one's own traps where it panics: the precompiled one brings the messages along, a tenth of the module. */
const ownLibrary = {
  args: ["-Zbuild-std=core,alloc"],
  flags: ["-Zunstable-options", "-Cpanic=immediate-abort", "-Zlocation-detail=none"],
};

export const wasmTarget = {
  name: "wasm target",
  says: `${triple} from rustup, else from Debian (ATC_WASM=debian forces it)`,
  run() {
    addTarget();
    if (method() === "rustup") addLibrarySource();
    if (method() === "precompiled")
      process.stdout.write("rustup has no rust-src to offer: the wasm will be a tenth larger ... ");
  },
};

/**
 * `rustup` where the active toolchain has the target and nothing forces the other way, `precompiled` where it has no
 * source of the library, else `debian`.
 */
export function method() {
  if (process.env.ATC_WASM === "debian" || !hasTarget(triple)) return "debian";
  return isWithoutSource() ? "precompiled" : "rustup";
}

/** How cargo compiles for wasm here: arguments and environment to add. */
export function wasmCargo() {
  const way = method();
  const own = way === "precompiled" ? { args: [], flags: [] } : ownLibrary;
  return {
    args: [...own.args, "--target", triple],
    env: {
      CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: [...flags, ...own.flags].join(" "),
      ...(way === "precompiled" ? {} : { RUSTC_BOOTSTRAP: "1" }),
      ...(way === "debian" ? debianEnv() : {}),
    },
  };
}

/** The same for a check alone, to which any library will do. */
export const wasmCheck = () =>
  method() === "debian" ? wasmCargo() : { args: ["--target", triple], env: {} };

function debianEnv() {
  return {
    ...debianRustEnv,
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: join(sysroot(), "lib/rustlib", host(), "bin/rust-lld"),
  };
}

function addTarget() {
  if (method() !== "debian" || hasDebianRust()) return;
  if (process.env.ATC_WASM !== "debian" && outputOf("rustup", ["target", "add", triple]) !== undefined)
    return;
  installDebianRust(`rustup has no ${triple} to offer, so Debian's is needed.`);
}

/** Asks rustup once for each compiler: a set-up is quick the second time, and needs no network. */
function addLibrarySource() {
  if (existsSync(librarySource())) return;
  if (outputOf("rustup", ["component", "add", "rust-src"]) !== undefined) return;
  mkdirSync(dirname(refusal), { recursive: true });
  writeFileSync(refusal, sysroot());
}

/** Where it stands that rustup had no source for a compiler. */
const refusal = join(root, "target", "setup", "no-rust-src");

const isWithoutSource = () =>
  !existsSync(librarySource()) && existsSync(refusal) && readFileSync(refusal, "utf8") === sysroot();

const librarySource = () => join(sysroot(), "lib/rustlib/src/rust/library/Cargo.lock");

const host = () => outputOf("rustc", ["-vV"])?.match(/^host: (.+)$/m)?.[1] ?? "";
