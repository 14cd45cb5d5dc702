// Step: checks the Node binaries that the tests run under; they come as npm packages.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { outputOf } from "../command.mjs";
import { Failure } from "../failure.mjs";
import { root } from "../root.mjs";

/** Majors that the tests run under. */
export const nodeMajors = [20, 22, 24];

export const nodeBinary = (major) => join(root, "node_modules", `node-${major}`, "bin", "node");

export const nodes = {
  name: "nodes",
  says: `checks Node ${nodeMajors.join(", ")} for the tests`,
  run() {
    for (const major of nodeMajors) {
      const path = nodeBinary(major);
      if (!existsSync(path)) throw new Failure(`${path} is absent: run npm ci.`);
      const version = outputOf(path, ["--version"]);
      if (!version?.startsWith(`v${major}.`)) throw new Failure(`${path} prints ${version}, not v${major}.`);
    }
  },
};
