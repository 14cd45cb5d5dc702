// Step: the optimised build of every crate that ships, in target/release.
import { run } from "../command.mjs";

export const release = {
  name: "release",
  says: "compiles the Rust workspace in release mode",
  inputs: [
    "Cargo.toml",
    "Cargo.lock",
    "core",
    "host",
    "node/src",
    "node/Cargo.toml",
    "node/build.rs",
    "tests/src",
    "tests/Cargo.toml",
    "wasm/src",
    "wasm/Cargo.toml",
  ],
  run: () => run("cargo", ["build", "--locked", "--release"]),
};
