// The promise on staleness, as time that a test lets pass: the login is looked at once a millisecond at most.

/** Until a call made now looks for itself. The wall clock and the monotonic one tick at different moments. */
export function untilNextLook(): void {
  const began = performance.now();
  while (performance.now() - began < 2);
}
