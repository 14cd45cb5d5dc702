// Takes a run of a credential by way of the store that its cache shares with other processes.
import type { AccessToken } from "../credential.ts";
import { type CacheEvent, type EventSubject, errorCodeOf, errorNameOf } from "../events.ts";
import type { Run } from "../run.ts";
import type { Shelf, Shelved } from "../shelf.ts";
import { type StoredErrors, StoredFetch, type StoreOperation } from "./stored-fetch.ts";
import type { Clocks, Terms } from "./walk.ts";

/** What a cache gives to its runs by way of a store. */
export interface StoreHost extends Clocks {
  readonly storeErrors: StoredErrors;
  readonly emit: ((event: CacheEvent) => void) | undefined;
  /** The credential starts only now. */
  started(run: Run): void;
  termsOf(run: Run): Terms;
  subjectOf(run: Run): EventSubject;
  /** Calls `run` after so many milliseconds, unless what it returns is called before. */
  after(run: () => void, milliseconds: number, keepAlive: boolean): () => void;
}

/** What a store is asked for takes no longer, in milliseconds; the answer then comes without it. Files take a few. */
const patienceMs = 5_000;

/** The run's token, `null` or error. */
export async function obtain(
  run: Run,
  shelf: Shelf,
  shelved: Shelved,
  call: () => Promise<unknown>,
  host: StoreHost,
): Promise<unknown> {
  const { details, token } = run.slot;
  const within = <T>(work: Promise<T>) => boundedBy(host, work);
  await within(shelf.ready()).catch(() => {});
  if (run.aborted) return undefined;
  const request = {
    ...shelved,
    store: shelf.store,
    tenantId: details.tenantId,
    challenged: details.claims !== undefined,
    held: (token && shelf.acquired.get(token)) ?? Number.NaN,
    terms: host.termsOf(run),
  };
  run.stored = new StoredFetch(request, {
    fetch: () => {
      host.started(run);
      return call() as Promise<AccessToken | null>;
    },
    acquired: (token, at) => shelf.acquired.set(token, at),
    pause: (milliseconds) => pause(host, milliseconds, !run.behind),
    hold: () => host.after(() => {}, patienceMs, !run.behind),
    within,
    errors: host.storeErrors,
    storeFailed: (operation, error) => tell(host, run, operation, error),
    monotonicMillis: () => host.monotonicMillis(),
    unixMillis: () => host.unixMillis(),
  });
  return run.stored.begin();
}

function boundedBy<T>(host: StoreHost, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    // Those who wait for the token keep the process alive, until the fetch's own limit.
    const cancel = host.after(() => reject(host.storeErrors.slow(patienceMs)), patienceMs, false);
    work.then(resolve, reject).finally(cancel);
  });
}

function pause(host: StoreHost, milliseconds: number, keepAlive: boolean): Promise<void> {
  return new Promise((resolve) => {
    host.after(resolve, milliseconds, keepAlive);
  });
}

function tell(host: StoreHost, run: Run, operation: StoreOperation, error: unknown): void {
  const errorCode = errorCodeOf(error);
  host.emit?.({
    type: "store-failed",
    ...host.subjectOf(run),
    operation,
    errorName: errorNameOf(error),
    ...(errorCode !== undefined && { errorCode }),
  });
}
