// The engine of one cache, and a new one in its place where it fails.

import type { Driver, DriverHost, Engine, EngineModule, PolicyNumbers } from "./engine.ts";
import { OptionError } from "./errors.ts";

export class EngineSeat {
  readonly #module: EngineModule;
  readonly #policy: PolicyNumbers;
  readonly #maxEntries: number;
  readonly #host: DriverHost;
  readonly #failed: (error: unknown) => void;
  /** What the engine knows of each credential, in the order of its ids. */
  readonly #registered: { readonly kind: number; readonly limit: number }[] = [];
  #made: { readonly engine: Engine; readonly driver: Driver } | undefined;

  /** `failed` is called once a new engine, which holds nothing, has taken the place of one that failed. */
  constructor(
    module: EngineModule,
    policy: PolicyNumbers,
    maxEntries: number,
    host: DriverHost,
    failed: (error: unknown) => void,
  ) {
    this.#module = module;
    this.#policy = policy;
    this.#maxEntries = maxEntries;
    this.#host = host;
    this.#failed = failed;
  }

  /** Makes the engine, which is made at the first use. @throws OptionError where the policy is not one. */
  make(): void {
    this.#made ??= this.#new();
  }

  get engine(): Engine {
    this.#made ??= this.#new();
    return this.#made.engine;
  }

  /** The id of a new credential: the engine counts them from 0. */
  register(kind: number, limit: number): number {
    if (this.#made !== undefined) this.sure(() => this.engine.register(kind, limit));
    return this.#registered.push({ kind, limit }) - 1;
  }

  /** Has the host perform every action that waits. */
  drain(): void {
    this.#made?.driver.drain(this.#host);
  }

  /** What `work` returns; where the engine fails in it, it is done once more, on a new engine. */
  sure<T>(work: () => T): T {
    const { engine } = this;
    try {
      return work();
    } catch (error) {
      this.#recover(engine, error);
      return work();
    }
  }

  /** Runs `work`; where the engine fails in it, a new one takes its place, and the rest of `work` is left undone. */
  guarded(work: () => void): void {
    const { engine } = this;
    try {
      work();
    } catch (error) {
      this.#recover(engine, error);
    }
  }

  #recover(engine: Engine, error: unknown): void {
    if (!this.#module.hasFailed(engine)) throw error;
    if (engine !== this.#made?.engine) return;
    this.#made = this.#new();
    this.#failed(error);
  }

  #new(): { engine: Engine; driver: Driver } {
    const engine = this.#module.create(this.#policy, this.#maxEntries, Math.random() * 2 ** 53);
    if (engine === undefined) throw new OptionError("policy", "has a number that is out of range");
    for (const { kind, limit } of this.#registered) engine.register(kind, limit);
    return { engine, driver: this.#module.drive(engine) };
  }
}
