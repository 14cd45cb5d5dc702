// The local time zone around now, in which az before 2.54 prints when its token expires.

/** Seconds east of UTC before and from the Unix second of the change that is nearest; without one, twice the same. */
export interface Zone {
  readonly before: number;
  readonly changesAt: number;
  readonly after: number;
}

const day = 86_400;
/** A token of az lives for a day or so; no zone changes twice in a week. */
const past = 3 * day;
const future = 4 * day;

export function zoneAround(unixMs: number): Zone {
  const now = Math.floor(unixMs / 1000);
  let [low, high] = [now - past, now + future];
  const [before, after] = [offsetAt(low), offsetAt(high)];
  if (before !== after) {
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offsetAt(middle) === before) low = middle;
      else high = middle;
    }
  }
  return { before, changesAt: high, after };
}

function offsetAt(unixSeconds: number): number {
  return -60 * new Date(unixSeconds * 1000).getTimezoneOffset();
}
