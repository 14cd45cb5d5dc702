// How long a cache waits for its store: what that cannot do in time is done without it.

/** What a store is asked for takes no longer, in milliseconds. Files take a few. */
export const patienceMs = 5_000;
/** A program that was busy for long has used up one part, and reads first what has come meanwhile. */
const parts = 5;
/** A store that did not answer in time is not asked again for this long, in milliseconds. */
const leftAloneMs = 30_000;

/** What measuring a store's patience takes. */
export interface Patient {
  monotonicMillis(): number;
  /** Calls `run` after so many milliseconds, unless what it returns is called before. */
  after(run: () => void, milliseconds: number, keepAlive: boolean): () => void;
  /** The store did not answer within so many milliseconds. */
  slow(milliseconds: number): Error;
}

/** The patience with one store. */
export class Patience {
  #leftAloneUntil = Number.NEGATIVE_INFINITY;

  /** What `work` brings, unless that takes too long, or something did a moment ago. */
  within<T>(patient: Patient, work: () => Promise<T>): Promise<T> {
    if (patient.monotonicMillis() < this.#leftAloneUntil) return Promise.reject(patient.slow(patienceMs));
    return this.bounded(patient, work);
  }

  /** What `work` brings, which is begun whatever took too long before, unless that takes too long. */
  bounded<T>(patient: Patient, work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#leftAloneUntil = patient.monotonicMillis() + leftAloneMs;
        reject(patient.slow(patienceMs));
      };
      let cancel: () => void;
      // Those who wait for the token keep the process alive, until the fetch's own limit.
      const wait = (left: number) => {
        cancel = patient.after(left > 1 ? () => wait(left - 1) : giveUp, patienceMs / parts, false);
      };
      wait(parts);
      const settled = async () => work();
      settled()
        .then(resolve, reject)
        .finally(() => cancel());
    });
  }
}
