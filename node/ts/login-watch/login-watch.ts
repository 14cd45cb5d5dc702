// Who is logged in to the developer tools that a credential uses: asked before each token is served, and around each fetch.
import type {
  Admission,
  LoginWatch,
  Run,
  Standing,
  StoredPlace,
  StoredQuestion,
  Verdict,
} from "../../../wasm/ts/platform.ts";
import type { EntryKey } from "../../../wasm/ts/store/token-store.ts";
import { CredentialUnavailableError } from "../errors.ts";
import { monotonicMillis } from "../monotonic.ts";
import { loginSources, sourceVariables, type Tool } from "./sources.ts";
import { keepsFormerLogin, placeOf, standingOf } from "./standing.ts";
import {
  hasNativeWitness,
  type LoginWitness,
  loadLoginWitness,
  loginWitness,
  type Reliance,
} from "./witness.ts";

/** What a credential takes from developer tools. */
export interface LoginNeeds {
  readonly tools: readonly Tool[];
  readonly reliance: Reliance;
  /** The subscription that the credential names to az. */
  readonly subscription?: string | undefined;
  /** The tenant that the credential asks when a request names none. */
  readonly tenantId?: string | undefined;
  /** It was given a `getToken` of its own. */
  readonly altered?: boolean;
  /** Credentials that may go on with a login that is no more. */
  readonly holders?: readonly object[];
  /** The folder that the tool starts in, from which relative paths in its environment count; `undefined`: anywhere. */
  readonly folder: string | undefined;
}

/** Files that cannot be parsed are read again after this long. */
const rereadMs = 50;
/** A credential that nobody knows is looked after this often. */
const unknownEveryMs = 1_000;

/** A watch that starts to look at its first call. */
export function watchLogin(needs: LoginNeeds): LoginWatch {
  return new NodeLoginWatch(needs);
}

class NodeLoginWatch implements LoginWatch {
  readonly everyMs: number;
  readonly #needs: LoginNeeds;
  /** What said where to look when the witness was configured, and the values. */
  #variables: readonly string[] = [];
  #values: (string | undefined)[] | undefined;
  #witness: LoginWitness | undefined;
  #loading: Promise<void> | undefined;
  /** Why nothing can be looked at. */
  #failure: Error | undefined;
  /** Nobody can say which files count. */
  #unwatchable = false;
  /** The wall clock's millisecond at which the files were last seen unchanged. */
  #unchangedAt = Number.NaN;

  readonly stored?: (request: StoredQuestion) => StoredPlace | undefined;
  readonly vacated?: () => EntryKey | undefined;

  constructor(needs: LoginNeeds) {
    this.#needs = needs;
    if (isAzAlone(needs) && hasNativeWitness()) {
      this.stored = (request) => this.#stored(request);
      this.vacated = () => (!this.#unwatchable && this.#witness?.azVacated?.()) || undefined;
    }
    this.everyMs = needs.reliance === "unknown" ? unknownEveryMs : 0;
  }

  /** By the real clock, whatever the cache is told: files change in real time. */
  unchanged(): boolean {
    const witness = this.#witness;
    // The program's own variables are read on every call: it may go from one login to the next within a millisecond.
    if (witness === undefined || this.#followEnvironment(witness) || this.#unwatchable) return false;
    const unixMs = Date.now();
    if (unixMs === this.#unchangedAt) return true;
    const unchanged = witness.unchanged(monotonicMillis(), unixMs);
    this.#unchangedAt = unchanged ? unixMs : Number.NaN;
    return unchanged;
  }

  examine(): Verdict {
    this.#unchangedAt = Number.NaN;
    const witness = this.#ready();
    if (this.#failure !== undefined) return { error: this.#failure };
    if (witness === undefined) return { retryAfterMs: 1 };
    if (this.#unwatchable) return "bypass";
    switch (witness.examine(monotonicMillis(), Date.now())) {
      case 0:
        return "same";
      case 1:
        return "changed";
      case 2:
        return { touched: witness.session() };
      case 3:
        return { retryAfterMs: rereadMs };
      default:
        return { error: unreadable(witness) };
    }
  }

  /** Who may start at once does so within the call: what else the program does in this turn costs the fetch no time. */
  async run<T>(fetch: () => Promise<T>): Promise<Run<T>> {
    const witness = this.#ready() ?? (await this.#loaded());
    const asked = monotonicMillis();
    for (;;) {
      const wait = this.#untilStart(witness, asked);
      if (wait === undefined) break;
      await pause(wait);
    }
    const run = witness.lastRun();
    this.#unchangedAt = Number.NaN;
    const outcome = await settled(fetch);
    const session = witness.session();
    const stability = await this.#finish(witness, run, !("error" in outcome));
    return { ...outcome, stability, session };
  }

  admit(token: string, tenantId?: string): Admission {
    this.#unchangedAt = Number.NaN;
    switch (this.#witness?.admit(token, tenantId ?? this.#needs.tenantId)) {
      case 1:
        return "contradiction";
      case 2:
        return "otherUser";
      default:
        return "ok";
    }
  }

  standing(): Standing | undefined {
    const { tools, holders = [] } = this.#needs;
    if (this.#unwatchable || holders.some(keepsFormerLogin)) return undefined;
    return standingOf(this.#witness?.standing(), tools);
  }

  place(): EntryKey | undefined {
    const { tools, folder } = this.#needs;
    return placeOf(loginSources(tools, process.env, folder));
  }

  sessionNow(): number {
    return this.#witness?.session() ?? 0;
  }

  /** By what was seen last: a look of its own could see a later login than that of the token in hand. */
  #stored({ scopes, tenantId }: StoredQuestion): StoredPlace | undefined {
    if (this.#unwatchable || !this.#asksTenant(tenantId)) return undefined;
    const entry = this.#witness?.azEntry?.(scopes, tenantId || this.#needs.tenantId);
    if (!entry) return undefined;
    const { key, loginAccount, loginSession, account } = entry;
    return { key, login: { account: loginAccount, session: loginSession }, account };
  }

  /** A credential with a tenant of its own may refuse a request for another, or ignore what it names: nobody knows here. */
  #asksTenant(tenantId: string | undefined): boolean {
    if (!tenantId || tenantId === this.#needs.tenantId) return true;
    return this.#needs.tenantId === undefined && !process.env["AZURE_IDENTITY_DISABLE_MULTITENANTAUTH"];
  }

  /** How long the credential has to wait, in milliseconds; `undefined`: it may start. */
  #untilStart(witness: LoginWitness, asked: number): number | undefined {
    this.#followEnvironment(witness);
    const answer = witness.start(asked, monotonicMillis(), Date.now());
    if (answer === -1) return undefined;
    if (answer === -2) throw unreadable(witness);
    if (answer === -3) throw restless();
    return answer;
  }

  async #finish(witness: LoginWitness, run: number, fetched: boolean): Promise<Run<unknown>["stability"]> {
    const ended = monotonicMillis();
    for (;;) {
      this.#followEnvironment(witness);
      const answer = witness.finish(run, fetched, ended, monotonicMillis(), Date.now());
      if (answer === -1) return "steady";
      if (answer === -2) return "movedSameAccount";
      if (answer === -3) return "moved";
      await pause(answer);
    }
  }

  /** The witness, looking at what the environment says now; `undefined` until it is loaded. */
  #ready(): LoginWitness | undefined {
    this.#witness ??= this.#made();
    if (this.#witness === undefined) void this.#load();
    else this.#followEnvironment(this.#witness);
    return this.#witness;
  }

  async #loaded(): Promise<LoginWitness> {
    await this.#load();
    if (this.#failure !== undefined) throw this.#failure;
    return this.#ready() as LoginWitness;
  }

  #load(): Promise<void> {
    this.#loading ??= loadLoginWitness().catch((error: unknown) => {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    });
    return this.#loading;
  }

  #made(): LoginWitness | undefined {
    return loginWitness(this.#needs.reliance, this.#needs.subscription, Math.max(1, this.everyMs));
  }

  /** Looks elsewhere when a variable changed that says where; `true` then. */
  #followEnvironment(witness: LoginWitness): boolean {
    if (this.#values !== undefined && this.#isAsBefore(this.#values)) return false;
    this.#unchangedAt = Number.NaN;
    const { env } = process;
    const { tools, folder } = this.#needs;
    this.#variables = sourceVariables(tools, env);
    this.#values = this.#variables.map((name) => env[name]);
    const sources = loginSources(tools, env, folder);
    this.#unwatchable = sources === undefined;
    witness.configure(sources ?? { files: [], roles: [], secrets: [] });
    return true;
  }

  /** Each reading of a variable costs as much as a quarter of a `stat`: no list is made. */
  #isAsBefore(values: readonly (string | undefined)[]): boolean {
    const { env } = process;
    for (let index = 0; index < values.length; index++) {
      if (env[this.#variables[index] as string] !== values[index]) return false;
    }
    return true;
  }
}

/** A chain's token may be another tool's, and that of a class which extends az's anybody's. */
function isAzAlone({ tools, reliance, altered = false }: LoginNeeds): boolean {
  return reliance === "always" && tools.length === 1 && tools[0] === "az" && !altered;
}

async function settled<T>(
  fetch: () => Promise<T>,
): Promise<{ value?: T; error?: unknown; failed?: boolean }> {
  try {
    return { value: await fetch() };
  } catch (error) {
    return { error };
  }
}

/** Keeps no process alive: whoever waits for a token does. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}

function unreadable(witness: LoginWitness): Error {
  const reason = witness.error() ?? "The files that say who is logged in cannot be read.";
  return new CredentialUnavailableError(reason, "LoginUnreadable");
}

function restless(): Error {
  return new CredentialUnavailableError(
    "The files that say who is logged in were rewritten again and again for 5 seconds, and Azure CLI was not started " +
      "among that: it could overwrite them. Try again when nothing else logs in or out.",
    "LoginRestless",
  );
}
