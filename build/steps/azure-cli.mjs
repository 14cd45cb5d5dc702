// Step: the real az and the real azure-identity for Python, from PyPI, in a virtual environment under target/.
import { join } from "node:path";
import { run } from "../command.mjs";
import { root } from "../root.mjs";

const packages = ["azure-cli==2.91.*", "azure-identity==1.27.*"];
const folder = "target/az-venv";

export const azureCli = {
  name: "azure-cli",
  says: `installs ${packages.join(" and ")} from PyPI into ${folder}`,
  inputs: ["build/steps/azure-cli.mjs"],
  outputs: () => [`${folder}/bin/az`, `${folder}/bin/python`],
  run() {
    const environment = join(root, folder);
    run("python3", ["-m", "venv", "--clear", environment]);
    run(join(environment, "bin/python"), [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      ...packages,
    ]);
  },
};
