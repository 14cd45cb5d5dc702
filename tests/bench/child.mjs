// How a measuring process hands its numbers to the bench: one line of JSON on its standard output.

const mark = "bench-report:";

/**
 * Ends the process: a peer that goes on retrying behind its callers would keep it alive.
 *
 * @param {{ values: Record<string, number>, table?: { title: string, cells: Record<string, number>, notes?: string[] } }} measured
 */
export function report(measured) {
  process.stdout.write(`${mark}${JSON.stringify(measured)}\n`, () => process.exit(0));
}

/** What the process reported; undefined when it did not. */
export function reported(stdout) {
  const line = stdout.split("\n").find((text) => text.startsWith(mark));
  return line === undefined ? undefined : JSON.parse(line.slice(mark.length));
}
