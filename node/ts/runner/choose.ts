// Who runs az here: the addon, or node:child_process where there is none. A file of its own: most programs find a token.
import { addon } from "../addon.ts";
import { type AddonExports, addonRunner } from "./addon.ts";
import type { AzRunner } from "./runner.ts";

/** How long an exiting process waits for an az that is writing its token cache. */
const exitPatienceMs = 2000;

let native: AzRunner | undefined;
let fallback: Promise<AzRunner> | undefined;

/** The addon's runner, or the one over node:child_process. */
export function azRunner(): Promise<AzRunner> {
  const exports = addon<AddonExports>();
  if (exports?.AzRunner === undefined || exports.azArguments === undefined) {
    fallback ??= loadFallback();
    return fallback;
  }
  native ??= endedWithProcess(addonRunner({ AzRunner: exports.AzRunner, azArguments: exports.azArguments }));
  return Promise.resolve(native);
}

async function loadFallback(): Promise<AzRunner> {
  const [{ childProcessRunner }, functions] = await Promise.all([
    import("./child-process.ts"),
    import("../../../wasm/ts/az.ts"),
  ]);
  return endedWithProcess(childProcessRunner(functions.loadAz()));
}

function endedWithProcess(runner: AzRunner): AzRunner {
  process.on("exit", () => runner.stopAll(exitPatienceMs));
  return runner;
}
