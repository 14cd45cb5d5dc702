// A cache's timers: the platform's, or those of a clock that the user gave.
import type { Clock } from "./clock.ts";
import type { AbortSignalLike } from "./credential.ts";
import { AbortError } from "./errors.ts";
import type { Platform } from "./platform.ts";

/** `setTimeout` takes no more. */
const longestTimer = 2 ** 31 - 1;

export class Timers {
  readonly #clock: Clock;
  readonly #platform: Platform;

  constructor(clock: Clock, platform: Platform) {
    this.#clock = clock;
    this.#platform = platform;
  }

  /** Calls `run` once, unless what it returns is called before. */
  after(run: () => void, milliseconds: number, keepAlive: boolean): () => void {
    const timer = this.#set(run, milliseconds, keepAlive);
    return () => this.#stop(timer);
  }

  /** Rejects when `signal` fires. */
  pause(milliseconds: number, signal: AbortSignalLike | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(new AbortError());
      const onAbort = () => reject(new AbortError());
      signal?.addEventListener("abort", onAbort);
      const wake = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      this.#set(wake, milliseconds, true);
    });
  }

  #set(run: () => void, milliseconds: number, keepAlive: boolean): unknown {
    const delay = Math.min(Math.max(1, milliseconds), longestTimer);
    const { setTimer } = this.#clock;
    return setTimer === undefined
      ? this.#platform.setTimer(run, delay, keepAlive)
      : setTimer.call(this.#clock, run, delay);
  }

  #stop(timer: unknown): void {
    if (this.#clock.setTimer === undefined) this.#platform.clearTimer(timer);
    else this.#clock.clearTimer?.(timer);
  }
}

/** The one timer that an engine is woken by. */
export class Alarm {
  readonly #timers: Timers;
  readonly #clock: Pick<Clock, "monotonicMillis">;
  readonly #ring: () => void;
  #cancel: (() => void) | undefined;
  #at = Number.POSITIVE_INFINITY;
  #keepsAlive = false;

  constructor(timers: Timers, clock: Pick<Clock, "monotonicMillis">, ring: () => void) {
    this.#timers = timers;
    this.#clock = clock;
    this.#ring = ring;
  }

  /** At a time in monotonic milliseconds; infinity: never. */
  set(at: number, keepsAlive: boolean): void {
    if (at === this.#at && keepsAlive === this.#keepsAlive) return;
    this.clear();
    if (at === Number.POSITIVE_INFINITY) return;
    this.#at = at;
    this.#keepsAlive = keepsAlive;
    const ring = () => {
      this.#forget();
      this.#ring();
    };
    this.#cancel = this.#timers.after(ring, Math.ceil(at - this.#clock.monotonicMillis()), keepsAlive);
  }

  clear(): void {
    const cancel = this.#cancel;
    this.#forget();
    cancel?.();
  }

  #forget(): void {
    this.#cancel = undefined;
    this.#at = Number.POSITIVE_INFINITY;
  }
}
