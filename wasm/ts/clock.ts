// Where the cache reads the time.

/** Two clocks, both in milliseconds. */
export interface Clock {
  /** Since the Unix epoch. */
  unixMillis(): number;
  /** From any origin; it never runs backwards, and may stand still while the machine sleeps. */
  monotonicMillis(): number;
  /** Where it is given, the cache's own timers run on this clock as well. */
  setTimer?(run: () => void, milliseconds: number): unknown;
  clearTimer?(timer: unknown): void;
}

/** The clocks of this machine. They are looked up at every call: test runners replace them. */
export function systemClock(monotonicMillis = () => performance.now()): Clock {
  return { unixMillis: () => Date.now(), monotonicMillis };
}
