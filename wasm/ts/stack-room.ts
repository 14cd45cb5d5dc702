// Whether a call still has stack to run on: an engine that a caller's own recursion stopped halfway could not be asked again.

/** What the engine, its host and the start of a run take, and as much again, in the smallest of frames: tried, not derived. */
const frames = 512;

/** Costs a microsecond. @throws RangeError, as any function does that finds too little stack. */
export function mustHaveStack(): void {
  descend(frames);
}

function descend(depth: number): number {
  return depth === 0 ? 0 : descend(depth - 1) + 1;
}
