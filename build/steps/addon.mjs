// Step: the Node addon, copied beside the bundles under the name of its platform.
import { run } from "../command.mjs";
import { placeInDist } from "../place.mjs";

const crate = "azure-token-cache-node";
const file = "azure-token-cache.linux-x64-gnu.node";

export const addon = {
  name: "addon",
  says: "compiles the Node addon",
  inputs: [
    "Cargo.toml",
    "Cargo.lock",
    "core/src",
    "core/Cargo.toml",
    "host/src",
    "host/Cargo.toml",
    "node/src",
    "node/Cargo.toml",
    "node/build.rs",
    "build/steps/addon.mjs",
  ],
  outputs: () => [`dist/${file}`],
  run() {
    run("cargo", ["build", "--locked", "--release", "--package", crate]);
    placeInDist(`lib${crate.replaceAll("-", "_")}.so`, file);
  },
};
