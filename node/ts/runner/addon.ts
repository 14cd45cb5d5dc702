// Runs az through the addon: on threads of its own, the output read there too.
import type { AzFailure, AzQuestion, AzRun, AzRunner, AzToken, StartedRun } from "./runner.ts";

/** What the addon exports for this. */
export interface AddonExports {
  azArguments(question: NativeQuestion): { arguments?: string[]; code?: string; message?: string };
  AzRunner: new () => {
    start(run: NativeRun, report: (report: NativeReport) => void): void;
    stopAll(patienceMs: number): void;
  };
}

/** Optional fields are absent, not undefined. */
type NativeQuestion = { [Name in keyof AzQuestion]?: AzQuestion[Name] | undefined };

interface NativeRun extends Omit<AzRun, "environment"> {
  /** Names and values by turns. */
  readonly environment: readonly string[];
}

interface NativeReport {
  readonly ended: boolean;
  readonly token?: string;
  readonly expiresOnTimestamp?: number;
  readonly code?: string;
  readonly message?: string;
}

export function addonRunner(exports: AddonExports): AzRunner {
  const runner = new exports.AzRunner();
  return {
    arguments(question) {
      const { arguments: list, code, message } = exports.azArguments(question);
      return list ?? failure(code, message);
    },
    start: (run) => start(runner, run),
    stopAll: (patienceMs) => runner.stopAll(patienceMs),
  };
}

function start(runner: InstanceType<AddonExports["AzRunner"]>, run: AzRun): StartedRun {
  const answer = settleable<AzToken | AzFailure>();
  const ended = settleable<void>();
  runner.start({ ...run, environment: flattened(run.environment) }, (report) => {
    if (report.ended) ended.settle();
    else answer.settle(answerOf(report));
  });
  return { answer: answer.promise, ended: ended.promise };
}

function answerOf({ token, expiresOnTimestamp, code, message }: NativeReport): AzToken | AzFailure {
  if (token !== undefined && expiresOnTimestamp !== undefined) return { token, expiresOnTimestamp };
  return failure(code, message);
}

function failure(code = "Failed", message = "Azure CLI brought no token."): AzFailure {
  return { code, message };
}

function flattened(environment: AzRun["environment"]): string[] {
  return Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
}

function settleable<T>(): { promise: Promise<T>; settle: (value: T) => void } {
  let settle: (value: T) => void = () => {};
  const promise = new Promise<T>((resolve) => {
    settle = resolve;
  });
  return { promise, settle };
}
