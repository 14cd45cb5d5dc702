// Step: azure-identity and msal-extensions for Debian's own Python, which alone reaches its library for a desktop's keyring.
import { join } from "node:path";
import { run } from "../command.mjs";
import { root } from "../root.mjs";

const packages = ["azure-identity==1.27.*", "msal-extensions==1.3.*"];
const folder = "target/bench-msal-venv";

/** Of the virtual environment. */
export const msalExtensionsPython = join(root, folder, "bin/python");

export const msalExtensions = {
  name: "msal-extensions",
  says: `installs ${packages.join(" and ")} from PyPI into ${folder}`,
  inputs: ["build/steps/msal-extensions.mjs"],
  outputs: () => [`${folder}/bin/python`],
  run() {
    const debiansOwn = ["--system-site-packages", "--clear"];
    run("/usr/bin/python3", ["-m", "venv", ...debiansOwn, join(root, folder)]);
    const quietly = ["--quiet", "--disable-pip-version-check"];
    run(msalExtensionsPython, ["-m", "pip", "install", "--ignore-installed", ...quietly, ...packages]);
  },
};
