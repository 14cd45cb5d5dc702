// Step: the optimised build of every crate that ships, in target/release; the program beside the bundles too.
import { run } from "../command.mjs";
import { placeInDist } from "../place.mjs";

const program = "azure-token-cache";

/** Neither the generator of the wasm glue, which only the build runs, nor the tests. */
const crates = [
  "azure-token-cache-core",
  "azure-token-cache-host",
  "azure-token-cache-node",
  "azure-token-cache-cli",
];

export const release = {
  name: "release",
  says: "compiles the native crates that ship",
  inputs: [
    "Cargo.toml",
    "Cargo.lock",
    "core/Cargo.toml",
    "core/src",
    "host/Cargo.toml",
    "host/src",
    "cli/Cargo.toml",
    "cli/src",
    "node/Cargo.toml",
    "node/build.rs",
    "node/src",
    "build/steps/release.mjs",
  ],
  outputs: () => [`target/release/${program}`, `dist/${program}.linux-x64-gnu`],
  run() {
    run("cargo", ["build", "--locked", "--release", ...crates.flatMap((crate) => ["--package", crate])]);
    placeInDist(program, `${program}.linux-x64-gnu`);
  },
};
