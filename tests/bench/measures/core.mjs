// Core by itself, beside caches of other Rust libraries: builds and runs the Rust bench in tests/bench/core.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { report } from "../child.mjs";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const manifest = ["--manifest-path", "tests/bench/core/Cargo.toml", "--target-dir", "target/bench-core"];

const { status, stdout } = spawnSync("cargo", ["run", "--release", "--locked", "--quiet", ...manifest], {
  cwd: root,
  encoding: "utf8",
  stdio: ["ignore", "pipe", "inherit"],
});
if (status !== 0) throw new Error(`the Rust bench ended with ${status}`);
report(JSON.parse(stdout));
