// What a runner of az does, whoever does it.
import type { Environment } from "../az-environment.ts";
import type { Zone } from "../zone.ts";

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
