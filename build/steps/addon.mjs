// Step: the Node addon, copied beside the bundles under the name of its platform.
import { copyFileSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { run } from "../command.mjs";
import { root } from "../root.mjs";

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
    mkdirSync(join(root, "dist"), { recursive: true });
    // A process may have the old file mapped: replaced by rename, never written over.
    const fresh = join(root, "dist", `${file}.${process.pid}`);
    copyFileSync(join(root, "target", "release", `lib${crate.replaceAll("-", "_")}.so`), fresh);
    renameSync(fresh, join(root, "dist", file));
  },
};
