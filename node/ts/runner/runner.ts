// What a runner of az does, whoever does it: the addon or node:child_process.
import { addon } from "../addon.ts";
import type { Environment } from "../az-environment.ts";
import type { Zone } from "../zone.ts";
import { type AddonExports, addonRunner } from "./addon.ts";

/** A call of a credential, with what the credential was configured to. */
export interface AzQuestion {
  readonly scopes: readonly string[];
  readonly configuredTenant: string | undefined;
  readonly requestedTenant: string | undefined;
  readonly allowedTenants: readonly string[];
  readonly multiTenant: boolean;
  readonly subscription: string | undefined;
  readonly claims: string | undefined;
}

/** Why there is no token: one stable word, and what it says to a person. */
export interface AzFailure {
  readonly code: string;
  readonly message: string;
}

export interface AzToken {
  readonly token: string;
  readonly expiresOnTimestamp: number;
}

/** One run of az. Everything that it sees is in here. */
export interface AzRun {
  readonly arguments: readonly string[];
  readonly environment: Environment;
  readonly searchPath: string;
  readonly folder: string;
  /** How long the answer may take, from the start of the process. */
  readonly limitMs: number;
  /** How much longer az may live while one of `lockFiles` exists. */
  readonly graceMs: number;
  readonly lockFiles: readonly string[];
  readonly zone: Zone;
}

/** Both promises are fulfilled, never rejected; neither keeps the process alive. */
export interface StartedRun {
  readonly answer: Promise<AzToken | AzFailure>;
  /** No process of the run is left. */
  readonly ended: Promise<void>;
}

export interface AzRunner {
  arguments(question: AzQuestion): readonly string[] | AzFailure;
  start(run: AzRun): StartedRun;
  /** Ends every run before it returns; each may keep its lock file for `patienceMs` first. */
  stopAll(patienceMs: number): void;
}

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
