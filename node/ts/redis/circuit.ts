// Leaves a server alone that did not answer in time, so that no second caller waits for it.

/** So long, in milliseconds, before it is looked whether it answers again. */
const restMs = 5_000;

export class Circuit {
  #isOpen = false;

  /** The server is to be left alone. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * The server did not answer in time. `ask` is asked after a rest, and again, until it answers: nobody waits for that, it keeps
   * no process alive, and whoever needs the server next finds it in use.
   */
  open(ask: () => Promise<unknown>): void {
    this.#isOpen = true;
    setTimeout(() => this.#probe(ask), restMs).unref();
  }

  #probe(ask: () => Promise<unknown>): void {
    ask().then(
      () => {
        this.#isOpen = false;
      },
      () => this.open(ask),
    );
  }
}
