// A run, written down as a table: what each call got, by which line of the decision table, and what was fetched.
import type { CachedCredential } from "../cached-credential.ts";
import type { Clock } from "../clock.ts";
import type { AccessToken, GetTokenOptions, TokenCredential } from "../credential.ts";
import type { CacheEvent } from "../events.ts";

/** One line of the record. */
export interface Row {
  /** Since the recorder was made, on its clock. */
  readonly atMs: number;
  /** "call" or the type of an event. */
  readonly what: string;
  /** Of a call: the line of the decision table that answered. */
  readonly line: string;
  /** Tokens by the order in which they appeared, errors by name. Never a token's text. */
  readonly result: string;
}

const headings: Row = { atMs: Number.NaN, what: "what", line: "line", result: "result" };

export class Recorder {
  readonly rows: Row[] = [];
  readonly #clock: Clock;
  readonly #began: number;
  readonly #tokens = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#began = clock.monotonicMillis();
  }

  /** For the option of that name. */
  readonly onEvent = (event: CacheEvent): void => {
    this.#note(event.type, "", eventResult(event));
  };

  /** The credential, with every call written down. */
  record(credential: CachedCredential): TokenCredential {
    return {
      getToken: async (scopes: string | string[], options?: GetTokenOptions) => {
        const line = credential.explain(scopes, options).zone;
        try {
          const token = await credential.getToken(scopes, options);
          this.#note("call", line, this.#nameOf(token));
          return token;
        } catch (error) {
          this.#note("call", line, error instanceof Error ? error.name : "error");
          throw error;
        }
      },
    };
  }

  /** The record for a person, in columns. */
  table(): string {
    const cells = [headings, ...this.rows].map(({ atMs, what, line, result }) => [
      Number.isNaN(atMs) ? "time" : `${(atMs / 1000).toFixed(3)} s`,
      what,
      line,
      result,
    ]);
    const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
    const lines = cells.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
    return lines.map((line) => line.trimEnd()).join("\n");
  }

  #nameOf(token: AccessToken | null): string {
    if (token === null) return "null";
    const number = this.#tokens.get(token.token) ?? this.#tokens.size + 1;
    this.#tokens.set(token.token, number);
    const left = Math.round((token.expiresOnTimestamp - this.#clock.unixMillis()) / 1000);
    return `token ${number}, ${left} s left`;
  }

  #note(what: string, line: string, result: string): void {
    this.rows.push({ atMs: this.#clock.monotonicMillis() - this.#began, what, line, result });
  }
}

function eventResult(event: CacheEvent): string {
  switch (event.type) {
    case "fetch-start":
      return event.behind ? "behind" : "in front";
    case "fetch-end":
      return event.errorName === undefined ? event.outcome : `${event.outcome}: ${event.errorName}`;
    case "failure-remembered":
    case "engine-failed":
      return event.errorName;
    case "identity-changed":
      return event.change;
    default:
      return "";
  }
}
