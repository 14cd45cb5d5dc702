// Step: checks that the machine has what nothing here can install, and names what is missing.
import { outputOf } from "../command.mjs";
import { Failure } from "../failure.mjs";

const leastNode = [20, 19];
/** `rust-version` in Cargo.toml. */
const leastRust = [1, 88];

export const requirements = {
  name: "requirements",
  says: "checks for Linux, Node and Rust",
  run() {
    const missing = [linux(), node(), rust()].filter((line) => line !== undefined);
    if (missing.length > 0)
      throw new Failure(`This machine lacks what the set-up needs:\n${missing.join("\n")}`);
  },
};

function linux() {
  if (process.platform === "linux" && process.arch === "x64") return undefined;
  return `- Linux on x64: this is ${process.platform} on ${process.arch}. The package runs elsewhere; its tests do not.`;
}

function node() {
  if (isAtLeast(process.versions.node, leastNode)) return undefined;
  return `- Node ${leastNode.join(".")} or newer: this is ${process.versions.node}.`;
}

function rust() {
  const needed = `- Rust ${leastRust.join(".")} or newer, with cargo, rustfmt and clippy (rustup.rs)`;
  const version = outputOf("rustc", ["--version"])?.split(" ")[1];
  if (version === undefined) return `${needed}: no rustc on PATH.`;
  if (!isAtLeast(version, leastRust)) return `${needed}: this is ${version}.`;
  const absent = ["cargo", "rustfmt", "cargo-clippy"].filter(
    (tool) => outputOf(tool, ["--version"]) === undefined,
  );
  return absent.length === 0 ? undefined : `${needed}: ${absent.join(", ")} cannot be run.`;
}

function isAtLeast(version, [major, minor]) {
  const [actualMajor = 0, actualMinor = 0] = version.split(".").map(Number);
  return actualMajor > major || (actualMajor === major && actualMinor >= minor);
}
