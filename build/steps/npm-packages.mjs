// Step: the packages of package-lock.json.
import { run } from "../command.mjs";

export const npmPackages = {
  name: "npm packages",
  says: "installs what package-lock.json names",
  inputs: ["package.json", "package-lock.json", ".npmrc"],
  outputs: () => ["node_modules/esbuild/package.json", "node_modules/typescript/package.json"],
  run: () => run("npm", ["ci"]),
};
