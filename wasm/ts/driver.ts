// Runs credentials for an engine: performs what it asks for, and judges what a run brought.
import { Action } from "./codes.ts";
import type { Driver, DriverHost, Engine } from "./engine.ts";

/** Awaits a run of the credential, and holds its asker until then. */
export type Follow = (
  run: Promise<unknown>,
  asker: { ended(failed: boolean, result: unknown): void },
) => void;

export class EngineDriver implements Driver {
  readonly #engine: Engine;
  readonly #follow: Follow;
  readonly #hasFailed: () => boolean;

  constructor(engine: Engine, follow: Follow, hasFailed: () => boolean) {
    this.#engine = engine;
    this.#follow = follow;
    this.#hasFailed = hasFailed;
  }

  drain(host: DriverHost): void {
    const engine = this.#engine;
    for (let action = engine.nextAction(); action !== Action.None; action = engine.nextAction()) {
      const [entry, fetch] = [engine.actionEntry(), engine.actionFetch()];
      if (action === Action.Fetch) this.#begin(host, fetch, engine.actionJob(), entry);
      else if (action === Action.Abort) host.abort(fetch);
      else if (action === Action.Lapse) host.lapse(entry);
      else host.forget(entry);
    }
    host.drained();
  }

  #begin(host: DriverHost, fetch: number, job: number, entry: number): void {
    const run = host.begin(fetch, job, entry);
    if ("token" in run) this.#settle(host, fetch, false, run.token);
    else this.#await(host, fetch, run);
  }

  #await(host: DriverHost, fetch: number, run: Promise<unknown>): void {
    this.#follow(run, {
      ended: (failed, result) => {
        // Of a run that a failed engine began, the host has the answer itself.
        if (!this.#hasFailed()) host.guarded(() => this.#settle(host, fetch, failed, result));
      },
    });
  }

  #settle(host: DriverHost, fetch: number, failed: boolean, result: unknown): void {
    const stability = host.stability(fetch);
    const token = failed || result == null ? undefined : field(result, "token");
    if (failed) this.#fail(host, fetch, stability, result);
    else if (result == null) this.#none(host, fetch, stability, result);
    else if (typeof token !== "string" || token === "") this.#fail(host, fetch, stability, host.notAToken());
    else this.#grant(host, fetch, stability, result, token);
    this.drain(host);
  }

  #grant(host: DriverHost, fetch: number, stability: number, result: unknown, token: string): void {
    const code = this.#engine.granted(
      fetch,
      finite(field(result, "expiresOnTimestamp")),
      finite(field(result, "refreshAfterTimestamp")),
      host.issuedAt(token),
      host.heldToken(fetch) === token,
      host.session(fetch),
      stability,
      host.monotonicMillis(),
      host.unixMillis(),
    );
    host.ended(fetch, code, false, result);
  }

  #none(host: DriverHost, fetch: number, stability: number, result: unknown): void {
    const code = this.#engine.none(fetch, stability, host.monotonicMillis(), host.unixMillis());
    host.ended(fetch, code, false, result);
  }

  #fail(host: DriverHost, fetch: number, stability: number, error: unknown): void {
    const code = this.#engine.failed(
      fetch,
      host.isNetwork(error),
      host.retryAfter(error),
      stability,
      host.monotonicMillis(),
      host.unixMillis(),
    );
    host.ended(fetch, code, true, error);
  }
}

/** A property; undefined where there is none, or where reading it throws. */
function field(value: unknown, name: string): unknown {
  try {
    return Reflect.get(value as object, name);
  } catch {
    return undefined;
  }
}

/** A finite number, else NaN. */
function finite(value: unknown): number {
  return Number.isFinite(value) ? (value as number) : Number.NaN;
}
