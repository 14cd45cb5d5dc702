// A credential whose answers a test writes down, and that remembers how it was called.
import type { Clock } from "../clock.ts";
import type { AccessToken, GetTokenOptions, TokenCredential } from "../credential.ts";

/** One answer. `delayMs` passes first, on the test's clock. */
export type Step =
  | {
      /** How long the token lives from its answer on. Default one hour. */
      readonly livesMs?: number;
      /** The token's hint: refresh it this long after its answer. */
      readonly refreshInMs?: number;
      /** Instead of `livesMs`, any value at all: an expiry that cannot be one, for example. */
      readonly expiresOnTimestamp?: number;
      /** The token's text; by default `token-1`, `token-2` and so on. */
      readonly token?: string;
      readonly delayMs?: number;
    }
  | { readonly error: unknown; readonly delayMs?: number }
  /** Thrown at once, without a promise. */
  | { readonly throws: unknown }
  /** No token. */
  | null
  /** No answer, ever. */
  | "never";

/** How the credential was called. */
export interface Call {
  readonly scopes: string | string[];
  readonly options: GetTokenOptions;
  /** When, on the test's clock. */
  readonly unixMillis: number;
}

/** What a credential's promise is rejected with when its signal was aborted. */
class ScriptAborted extends Error {
  override readonly name = "AbortError";
}

/** Takes one step of its script for each call; after the last it answers with tokens of an hour. */
export class ScriptedCredential implements TokenCredential {
  readonly calls: Call[] = [];
  readonly #clock: Required<Clock>;
  readonly #steps: Step[];
  #tokens = 0;

  /** `clock` must drive timers, as `ManualClock` does. */
  constructor(clock: Required<Clock>, steps: readonly Step[] = []) {
    this.#clock = clock;
    this.#steps = [...steps];
  }

  /** Adds steps to the script. */
  add(...steps: Step[]): void {
    this.#steps.push(...steps);
  }

  getToken(scopes: string | string[], options: GetTokenOptions = {}): Promise<AccessToken | null> {
    this.calls.push({ scopes, options, unixMillis: this.#clock.unixMillis() });
    const step = this.#steps.length > 0 ? (this.#steps.shift() as Step) : {};
    if (step === "never") return this.#unlessAborted(options, () => {});
    if (step === null) return Promise.resolve(null);
    if ("throws" in step) throw step.throws;
    return this.#unlessAborted(options, (resolve, reject) => {
      const answer = () => {
        if (options.abortSignal?.aborted === true) return;
        if ("error" in step) reject(step.error);
        else resolve(this.#token(step));
      };
      if (step.delayMs === undefined) answer();
      else this.#clock.setTimer(answer, step.delayMs);
    });
  }

  #token(step: Exclude<Step, null | "never" | { error: unknown } | { throws: unknown }>): AccessToken {
    this.#tokens += 1;
    const now = this.#clock.unixMillis();
    const { token = `token-${this.#tokens}`, livesMs = 3_600_000, refreshInMs } = step;
    const expiresOnTimestamp =
      "expiresOnTimestamp" in step ? (step.expiresOnTimestamp as number) : now + livesMs;
    return {
      token,
      expiresOnTimestamp,
      ...(refreshInMs !== undefined && { refreshAfterTimestamp: now + refreshInMs }),
    };
  }

  #unlessAborted(
    { abortSignal }: GetTokenOptions,
    run: (resolve: (token: AccessToken) => void, reject: (error: unknown) => void) => void,
  ): Promise<AccessToken> {
    return new Promise((resolve, reject) => {
      abortSignal?.addEventListener("abort", () =>
        reject(new ScriptAborted("the signal of this run was aborted")),
      );
      run(resolve, reject);
    });
  }
}
