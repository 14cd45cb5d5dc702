// Takes a run of a credential by way of the store that its cache shares with other processes.
import type { AccessToken } from "../credential.ts";
import { type EventListener, type EventSubject, storeFailed } from "../events.ts";
import type { Run } from "../run.ts";
import type { Shelf } from "../shelf.ts";
import type { Shelved } from "../shelf-keys.ts";
import { type Patient, patienceMs } from "./patience.ts";
import { type StoredErrors, StoredFetch, type StoredRequest } from "./stored-fetch.ts";
import type { Clocks, Terms } from "./walk.ts";

/** What a cache gives to its runs by way of a store. */
export interface StoreHost extends Clocks, Patient {
  readonly storeErrors: StoredErrors;
  readonly emit: EventListener;
  /** The credential starts only now. */
  started(run: Run): void;
  termsOf(run: Run): Omit<Terms, "far">;
  subjectOf(run: Run): EventSubject;
}

/** The run's token, `null` or error. */
export function obtain(
  run: Run,
  shelf: Shelf,
  shelved: Shelved & Pick<StoredRequest, "found">,
  call: () => Promise<unknown>,
  host: StoreHost,
): Promise<unknown> {
  const { details, token } = run.slot;
  const request = {
    ...shelved,
    store: shelf.store,
    tenantId: details.tenantId,
    challenged: details.claims !== undefined,
    behind: run.behind,
    held: shelf.acquiredAt(token),
    terms: { ...host.termsOf(run), far: shelf.store.pace === "far" },
  };
  const fetching = new StoredFetch(request, {
    load: (key) => shelf.load(key),
    fetch: () => {
      host.started(run);
      return call() as Promise<AccessToken | null>;
    },
    saves: (over) => shelf.finishes(over),
    acquired: (token, at) => shelf.acquired.set(token, at),
    pause: (milliseconds) => pause(host, milliseconds, !run.behind),
    hold: () => host.after(() => {}, patienceMs, !run.behind),
    within: (work) => shelf.patience.within(host, work),
    bounded: (work) => shelf.patience.bounded(host, work),
    errors: host.storeErrors,
    storeFailed: (operation, error) => host.emit(storeFailed(host.subjectOf(run), operation, error)),
    monotonicMillis: () => host.monotonicMillis(),
    unixMillis: () => host.unixMillis(),
  });
  run.stored = fetching;
  return fetching.begin();
}

function pause(host: StoreHost, milliseconds: number, keepAlive: boolean): Promise<void> {
  return new Promise((resolve) => {
    host.after(resolve, milliseconds, keepAlive);
  });
}
