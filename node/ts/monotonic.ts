// The clock that nobody sets, in milliseconds.

/** As `performance.now()`, which loads perf_hooks, a millisecond of every program's start. Test runners replace both. */
export function monotonicMillis(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1e6;
}
