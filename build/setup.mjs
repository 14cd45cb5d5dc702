// Prepares a checkout, step by step; needs nothing but Node to start, and skips what is already done.
import { parseArgs } from "node:util";
import { runSteps } from "./step.mjs";
import { addon } from "./steps/addon.mjs";
import { azureCli } from "./steps/azure-cli.mjs";
import { bundles } from "./steps/bundles.mjs";
import { cachePersistence } from "./steps/cache-persistence.mjs";
import { msalExtensions } from "./steps/msal-extensions.mjs";
import { nodes } from "./steps/nodes.mjs";
import { npmPackages } from "./steps/npm-packages.mjs";
import { otherSystemsTargets } from "./steps/other-systems.mjs";
import { release } from "./steps/release.mjs";
import { requirements } from "./steps/requirements.mjs";
import { peersPackages, systemPackages } from "./steps/system-packages.mjs";
import { types } from "./steps/types.mjs";
import { wasm } from "./steps/wasm.mjs";
import { wasmTarget } from "./steps/wasm-target.mjs";

const prepare = [requirements, systemPackages, npmPackages, wasmTarget];
const build = [wasm, addon, bundles, types];
const peers = [peersPackages, cachePersistence, msalExtensions];

/** What each purpose needs, in order. */
const purposes = {
  build,
  setup: [...prepare, ...build, release],
  bench: [...prepare, ...build, release, azureCli, nodes, ...peers],
  demo: [...prepare, ...build, azureCli],
  test: [...prepare, ...build, release, azureCli, nodes, otherSystemsTargets],
};

const { values } = parseArgs({
  options: { for: { type: "string", default: "setup" }, only: { type: "string" } },
});
await runSteps(stepsFor(values));

function stepsFor({ for: purpose, only }) {
  if (only !== undefined) return purposes.test.filter((step) => only.split(",").includes(step.name));
  const steps = purposes[purpose];
  if (steps === undefined) throw new Error(`--for takes one of ${Object.keys(purposes).join(", ")}`);
  return steps;
}
