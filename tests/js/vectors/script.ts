// A script: a list of inputs to the engine, each with the line that tells what came of it. `tests/src/script.rs` prints the
// same lines from core itself.
import { Action, Decision, type Engine, type PolicyOption, Settled } from "azure-token-cache/core";

export type Input = readonly [name: string, ...args: unknown[]];

export interface Script {
  name: string;
  policy: PolicyOption | "default";
  maxEntries?: number;
  seed?: number;
  kinds: readonly Record<string, boolean | number>[];
  steps: readonly (readonly [Input, string])[];
}

export type EngineOf = (policy: Script["policy"], maxEntries: number, seed: number) => Engine;

/** The clocks at the start of every script; times in its lines count from here. */
const start = 1_700_000_000_000;
const boot = 5_000_000;

const kinds = { byResource: 1, refusesClaims: 2, unabortable: 4, interactive: 8 };

/** Performs all inputs of a script: the lines that came of them. */
export function play(script: Script, engineOf: EngineOf): string[] {
  const engine = engineOf(script.policy, script.maxEntries ?? 10_000, script.seed ?? 1);
  for (const kind of script.kinds) engine.register(bitsOf(kind), Number(kind["limit"] ?? Number.NaN));
  const player = new Player(engine);
  return script.steps.map(([input]) => player.perform(input));
}

class Player {
  readonly #engine: Engine;
  #monotonic = boot;
  #unix = start;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  perform([name, ...args]: Input): string {
    if (name === "pass" || name === "suspend" || name === "setBack")
      return this.#pass(name, args[0] as number);
    const line = this.#settling(name, args) ?? this.#deciding(name, args) ?? this.#changing(name, args);
    return line + this.#outputs();
  }

  #pass(name: string, ms: number): string {
    if (name === "pass") this.#monotonic += ms;
    this.#unix += name === "setBack" ? -ms : ms;
    return `at ${this.#unix - start}`;
  }

  #deciding(name: string, args: unknown[]): string | undefined {
    const engine = this.#engine;
    switch (name) {
      case "intern": {
        const [credential, scopes, tenant, cae, claims] = requestOf(args);
        const entry = engine.intern(credential, scopes, tenant, cae, claims, this.#monotonic, this.#unix);
        return entry < 0 ? `refused ${entry}` : `entry ${entry} of ${engine.entryCount()}`;
      }
      case "lookup":
        return this.#decision(engine.lookup(args[0] as number, this.#monotonic, this.#unix));
      case "owned": {
        const owner = args[1] as [string, string, string];
        return `owned ${engine.owned(args[0] as number, owner, this.#monotonic, this.#unix)}`;
      }
      case "explain": {
        const zone = engine.explain(args[0] as number, this.#monotonic, this.#unix);
        const [left, gate] = [relative(engine.explainedLeft(), 0), relative(engine.explainedGate(), 0)];
        const memory = relative(engine.explainedMemory(), 0);
        return `zone ${zone} due ${engine.explainedDue()} left ${left} gate ${gate} memory ${memory} flying ${engine.explainedInFlight()}`;
      }
      default:
        return undefined;
    }
  }

  #decision(code: number): string {
    const engine = this.#engine;
    const lease = () => `${relative(engine.from(), start)}..${relative(engine.until(), start)}`;
    switch (code) {
      case Decision.Hit:
        return `hit ${lease()}`;
      case Decision.Refresh:
        return `refresh ${lease()} job ${engine.job()}`;
      case Decision.Wait:
        return `wait job ${engine.job()} until ${relative(engine.serveAt(), boot)}`;
      case Decision.Fail:
        return `fail until ${relative(engine.until(), boot)}`;
      default:
        return "unknown";
    }
  }

  #settling(name: string, args: unknown[]): string | undefined {
    const engine = this.#engine;
    const [monotonic, unix] = [this.#monotonic, this.#unix];
    const id = args[0] as number;
    const later = (ms: unknown) => (ms === null ? Number.NaN : unix + (ms as number));
    const number = (value: unknown) => (value === null ? Number.NaN : (value as number));
    switch (name) {
      case "leave":
        return this.#settled(engine.leave(id, monotonic, unix));
      case "timeout":
        return this.#settled(engine.timeout(monotonic, unix));
      case "none":
        return this.#settled(engine.none(id, args[1] as number, monotonic, unix));
      case "failed": {
        const [, network, retryAfter, stability] = args as [number, boolean, number | null, number];
        return this.#settled(engine.failed(id, network, number(retryAfter), stability, monotonic, unix));
      }
      case "granted": {
        const [, lifetime, hint, issued, unchanged, session, stability] = args as [
          number,
          number,
          number | null,
          number | null,
          boolean,
          number,
          number,
        ];
        const [expiresAt, refreshAt, issuedAt] = [later(lifetime), later(hint), later(issued)];
        return this.#settled(
          engine.granted(id, expiresAt, refreshAt, issuedAt, unchanged, session, stability, monotonic, unix),
        );
      }
      case "grantedAt": {
        const none = Number.NaN;
        return this.#settled(engine.granted(id, number(args[1]), none, none, false, 0, 0, monotonic, unix));
      }
      default:
        return undefined;
    }
  }

  #settled(code: number): string {
    const engine = this.#engine;
    const [job, entry] = [engine.settledJob(), engine.settledEntry()];
    switch (code) {
      case Settled.Granted:
        return `granted job ${job} entry ${entry} base ${engine.settledBase()}`;
      case Settled.HandedOut:
        return `handed out job ${job}`;
      case Settled.Served:
        return `served job ${job} entry ${entry}`;
      case Settled.Null:
        return `null job ${job}`;
      case Settled.Failed:
        return `failed job ${job} entry ${entry} reason ${engine.settledReason()}`;
      case Settled.Abandoned:
        return `abandoned job ${job}`;
      default:
        return "nothing";
    }
  }

  #changing(name: string, args: unknown[]): string {
    const refused = this.#change(name, args) ?? 0;
    return refused < 0 ? `refused ${refused}` : "done";
  }

  #change(name: string, args: unknown[]): number | undefined {
    const engine = this.#engine;
    const [monotonic, unix] = [this.#monotonic, this.#unix];
    const id = args[0] as number;
    switch (name) {
      case "started":
        engine.started(id, monotonic, unix);
        return undefined;
      case "identityChanged":
        engine.identityChanged(id, monotonic, unix);
        return undefined;
      case "identityTouched":
        engine.identityTouched(id, args[1] as number, monotonic, unix);
        return undefined;
      case "close":
        engine.close(monotonic, unix);
        return undefined;
      case "invalidateAll":
        return engine.invalidateAll(monotonic, unix);
      case "invalidateCredential":
        return engine.invalidateCredential(id, monotonic, unix);
      case "invalidateScopes":
        return engine.invalidateScopes(id, args[1] as string[], monotonic, unix);
      case "invalidateRequest":
        return engine.invalidateRequest(...requestOf(args), monotonic, unix);
      default:
        throw new Error(`no input is called ${name}`);
    }
  }

  #outputs(): string {
    const engine = this.#engine;
    let line = "";
    for (let code = engine.nextAction(); code !== Action.None; code = engine.nextAction()) {
      const [entry, fetch] = [engine.actionEntry(), engine.actionFetch()];
      if (code === Action.Fetch) line += `; fetch ${fetch} job ${engine.actionJob()} entry ${entry}`;
      else if (code === Action.Abort) line += `; abort ${fetch}`;
      else if (code === Action.Lapse) line += `; lapse ${entry}`;
      else line += `; forget ${entry}`;
    }
    const reason = engine.nextTimeoutReason();
    return reason === 0 ? line : `${line}; timeout ${relative(engine.nextTimeout(), boot)} reason ${reason}`;
  }
}

function bitsOf(kind: Readonly<Record<string, unknown>>): number {
  return Object.entries(kinds).reduce((bits, [name, bit]) => (kind[name] === true ? bits | bit : bits), 0);
}

function requestOf(args: unknown[]) {
  const [credential, scopes, tenant, cae, claims] = args as [
    number,
    string[],
    string | null,
    boolean,
    string | null,
  ];
  return [credential, scopes, tenant ?? undefined, cae, claims ?? undefined] as const;
}

function relative(at: number, origin: number): string {
  return Number.isNaN(at) ? "-" : String(at - origin);
}
