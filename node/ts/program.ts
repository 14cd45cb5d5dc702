#!/usr/bin/env node
// `npx azure-token-cache`: hands over to the native program of this platform. The shim does without Node.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { platformNames } from "./addon.ts";

const suffix = process.platform === "win32" ? ".exe" : "";
const here = fileURLToPath(new URL(".", import.meta.url));
const program = platformNames()
  .map((name) => join(here, `azure-token-cache.${name}${suffix}`))
  .find((path) => existsSync(path));

if (program === undefined) {
  console.error(
    `azure-token-cache has no program for ${process.platform} on ${process.arch}: build it with cargo build --release --package azure-token-cache-cli`,
  );
  process.exit(1);
}
const { status, signal, error } = spawnSync(program, process.argv.slice(2), { stdio: "inherit" });
if (error !== undefined) {
  console.error(`azure-token-cache: ${program} cannot be started: ${error.message}`);
  process.exit(1);
}
process.exit(signal === null ? (status ?? 1) : 128 + constants.signals[signal]);
