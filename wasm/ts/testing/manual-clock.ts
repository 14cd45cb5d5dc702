// A clock that a test moves, and that drives timers.
import type { Clock } from "../clock.ts";

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Promises that hang on each other settle within this many turns, unless real input or output is among them. */
const turns = 100;

/**
 * Time that stands still until a test moves it. Timers that come due meanwhile run in their order, and promises settle
 * in between, so that after `await clock.advance(…)` everything has happened that would have.
 */
export class ManualClock implements Clock {
  #unix: number;
  #monotonic = 0;
  readonly #timers = new Set<Timer>();

  /** Stands at `unixMillis`; by default at the beginning of 2026. */
  constructor(unixMillis: number = Date.UTC(2026, 0, 1)) {
    this.#unix = unixMillis;
  }

  unixMillis(): number {
    return this.#unix;
  }

  monotonicMillis(): number {
    return this.#monotonic;
  }

  setTimer(run: () => void, milliseconds: number): unknown {
    const timer = { at: this.#monotonic + milliseconds, run };
    this.#timers.add(timer);
    return timer;
  }

  clearTimer(timer: unknown): void {
    this.#timers.delete(timer as Timer);
  }

  /** Time passes. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#monotonic + milliseconds;
    await this.settle();
    for (let timer = this.#nextTimer(); timer !== undefined && timer.at <= end; timer = this.#nextTimer()) {
      this.#timers.delete(timer);
      this.#moveTo(timer.at);
      timer.run();
      await this.settle();
    }
    this.#moveTo(end);
  }

  /** The machine sleeps: wall time passes, and neither monotonic time nor timers know. */
  async suspend(milliseconds: number): Promise<void> {
    this.#unix += milliseconds;
    await this.settle();
  }

  /** Somebody sets the wall clock back. */
  async setBack(milliseconds: number): Promise<void> {
    this.#unix -= milliseconds;
    await this.settle();
  }

  /** Lets promises settle; no time passes. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < turns; turn += 1) await undefined;
  }

  /** The earliest; of several at one time the one that was set first. */
  #nextTimer(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (next === undefined || timer.at < next.at) next = timer;
    return next;
  }

  #moveTo(monotonic: number): void {
    const passed = Math.max(0, monotonic - this.#monotonic);
    this.#monotonic += passed;
    this.#unix += passed;
  }
}
