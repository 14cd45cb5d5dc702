// Those who wait for one job: most of them share a promise, those with a signal of their own can leave.
import type { AbortSignalLike, AccessToken } from "./credential.ts";
import { AbortError } from "./errors.ts";
import type { Slot } from "./slot.ts";

type Answer = AccessToken | null;

/** A promise that is settled from outside. */
class Pending {
  readonly promise: Promise<Answer>;
  resolve!: (answer: Answer) => void;
  reject!: (error: unknown) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

export class Waiters {
  readonly slot: Slot;
  #shared: Pending | undefined;
  readonly #leavers = new Map<Pending, () => void>();

  constructor(slot: Slot) {
    this.slot = slot;
  }

  /** A promise for any number of callers, none of whom can leave. */
  share(): Promise<Answer> {
    this.#shared ??= new Pending();
    return this.#shared.promise;
  }

  /** A promise for one caller, whom `signal` rejects alone; then `left` is called. */
  shareUntil(signal: AbortSignalLike, left: () => void): Promise<Answer> {
    const pending = new Pending();
    const listener = () => {
      this.#dismiss(pending);
      pending.reject(new AbortError());
      left();
    };
    signal.addEventListener("abort", listener);
    this.#leavers.set(pending, () => signal.removeEventListener("abort", listener));
    return pending.promise;
  }

  get isEmpty(): boolean {
    return this.#shared === undefined && this.#leavers.size === 0;
  }

  resolve(answer: Answer): void {
    for (const pending of this.#all()) pending.resolve(answer);
  }

  reject(error: unknown): void {
    for (const pending of this.#all()) pending.reject(error);
  }

  /** As `reject`, where a caller may have been answered in another way, and hold nothing of this. */
  rejectQuietly(error: unknown): void {
    for (const pending of this.#all()) {
      pending.promise.catch(() => {});
      pending.reject(error);
    }
  }

  #all(): Pending[] {
    const all = [...this.#leavers.keys()];
    for (const pending of all) this.#dismiss(pending);
    if (this.#shared !== undefined) all.push(this.#shared);
    return all;
  }

  #dismiss(pending: Pending): void {
    this.#leavers.get(pending)?.();
    this.#leavers.delete(pending);
  }
}
