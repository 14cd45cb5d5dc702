// What was asked of the stand-in and what it issued: times, ids and request parts, never a token.

export type Grant =
  | "client_credentials"
  | "refresh_token"
  | "device_code"
  | "authorization_code"
  | "on_behalf_of"
  | "password"
  | "managed_identity"
  | "unknown";

/** One request for a token, as it ended. */
export interface TokenRequest {
  readonly atUnixMs: number;
  readonly grant: Grant;
  readonly tenant: string;
  readonly resource: string;
  readonly clientId: string;
  readonly claims: string | undefined;
  readonly outcome:
    | {
        readonly kind: "issued";
        readonly uti: string;
        readonly objectId: string;
        readonly expiresAtUnixMs: number;
      }
    | { readonly kind: "refused"; readonly status: number; readonly aadsts: number };
}

/** A snapshot; `token` counts requests for tokens whatever became of them, `issued` only those answered with one. */
export interface Requests {
  readonly total: number;
  readonly token: number;
  readonly issued: number;
  readonly refused: number;
  readonly byPath: Readonly<Record<string, number>>;
  readonly byGrant: Readonly<Partial<Record<Grant, number>>>;
  readonly byResource: Readonly<Record<string, number>>;
  readonly list: readonly TokenRequest[];
}

export class Ledger {
  #total = 0;
  #byPath = new Map<string, number>();
  #list: TokenRequest[] = [];

  visited(path: string): void {
    this.#total += 1;
    this.#byPath.set(path, (this.#byPath.get(path) ?? 0) + 1);
  }

  ended(request: TokenRequest): void {
    this.#list.push(request);
  }

  snapshot(): Requests {
    const issued = this.#list.filter((request) => request.outcome.kind === "issued").length;
    return {
      total: this.#total,
      token: this.#list.length,
      issued,
      refused: this.#list.length - issued,
      byPath: Object.fromEntries(this.#byPath),
      byGrant: tally(this.#list.map((request) => request.grant)),
      byResource: tally(this.#list.map((request) => request.resource)),
      list: [...this.#list],
    };
  }

  forget(): void {
    this.#total = 0;
    this.#byPath.clear();
    this.#list = [];
  }
}

function tally<K extends string>(keys: readonly K[]): Record<K, number> {
  const counts = {} as Record<K, number>;
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1;
  return counts;
}
