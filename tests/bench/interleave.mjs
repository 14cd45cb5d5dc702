// Times subjects in turns, so that a busy machine slows all of them alike and ratios hold.

const batchNs = 3_000_000;

/**
 * A loop of its own for one expression: compiled apart, so that no subject's call site has seen another subject.
 *
 * @param {string} expression awaited `n` times; `i` counts
 * @param {Record<string, unknown>} names what the expression refers to
 * @returns {(n: number) => Promise<void>}
 */
export function loopOf(expression, names) {
  const made = new Function(
    ...Object.keys(names),
    `return async (n) => { for (let i = 0; i < n; i += 1) await ${expression}; }; // ${serial()}`,
  );
  return made(...Object.values(names));
}

/** The same for an expression that is not awaited. */
export function syncLoopOf(expression, names) {
  const made = new Function(
    ...Object.keys(names),
    `let sink; return async (n) => { for (let i = 0; i < n; i += 1) sink = ${expression}; return sink; }; // ${serial()}`,
  );
  return made(...Object.values(names));
}

/**
 * Runs every subject once a round, in an order that rotates.
 *
 * @param {{ name: string, run: (n: number) => Promise<unknown> }[]} subjects
 * @param {{ rounds: number }} options
 * @returns {Promise<Timings>}
 */
export async function interleave(subjects, { rounds }) {
  const counts = [];
  for (const subject of subjects) counts.push(await calibrate(subject));
  const samples = subjects.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < subjects.length; turn += 1) {
      const index = (turn + round) % subjects.length;
      samples[index].push((await timed(subjects[index], counts[index])) / counts[index]);
    }
  }
  return new Timings(new Map(subjects.map(({ name }, index) => [name, samples[index]])));
}

/** Nanoseconds an operation, by subject and round. */
export class Timings {
  #samples;

  constructor(samples) {
    this.#samples = samples;
  }

  ns(name) {
    return median(this.#of(name));
  }

  /** In the best round: what nothing else on the machine has held up. */
  leastNs(name) {
    return Math.min(...this.#of(name));
  }

  /** The median over the rounds of `name` / `base`, each taken in one round. */
  ratio(name, base) {
    const bases = this.#of(base);
    return median(this.#of(name).map((ns, round) => ns / bases[round]));
  }

  /** The median over the rounds of `name` - `times` x `base`, each taken in one round. */
  beyond(name, times, base) {
    const bases = this.#of(base);
    return median(this.#of(name).map((ns, round) => ns - times * bases[round]));
  }

  /** `{ [subject]: median ns }`. */
  all() {
    return Object.fromEntries([...this.#samples.keys()].map((name) => [name, this.ns(name)]));
  }

  #of(name) {
    const samples = this.#samples.get(name);
    if (samples === undefined) throw new Error(`nothing called ${name} was timed`);
    return samples;
  }
}

export function median(values) {
  return percentile(values, 50);
}

export function percentile(values, percent) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))];
}

/** Warms the subject up and finds how many operations fill a batch. */
async function calibrate(subject) {
  let count = 1;
  let ns = await timed(subject, count);
  while (ns < batchNs) {
    count = Math.ceil(count * Math.min(10, Math.max(1.5, batchNs / Math.max(ns, 1))));
    ns = await timed(subject, count);
  }
  // What was slow before optimisation is measured again after it.
  for (let warm = 0; warm < 5; warm += 1) ns = await timed(subject, count);
  return Math.max(1, Math.round((count * batchNs) / ns));
}

async function timed(subject, count) {
  const began = process.hrtime.bigint();
  await subject.run(count);
  return Number(process.hrtime.bigint() - began);
}

let loops = 0;

function serial() {
  loops += 1;
  return loops;
}
