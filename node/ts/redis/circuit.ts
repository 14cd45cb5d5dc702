// Leaves a server alone that did not answer in time, so that no second caller waits for it.

/** So long, in milliseconds, before somebody looks whether it answers again. */
const restMs = 5_000;

export class Circuit {
  #restsUntil = Number.NEGATIVE_INFINITY;
  #isProbing = false;

  /** The server is to be left alone. */
  get isOpen(): boolean {
    return this.#restsUntil !== Number.NEGATIVE_INFINITY;
  }

  /** The server did not answer in time. */
  open(): void {
    this.#restsUntil = performance.now() + restMs;
  }

  /** The server answers. */
  close(): void {
    this.#restsUntil = Number.NEGATIVE_INFINITY;
  }

  /** Asks the server whether it answers, if it was left alone long enough. Nobody waits for it. */
  probe(ask: () => Promise<unknown>): void {
    if (this.#isProbing || performance.now() < this.#restsUntil) return;
    this.#isProbing = true;
    ask()
      .then(
        () => this.close(),
        () => this.open(),
      )
      .finally(() => {
        this.#isProbing = false;
      });
  }
}
