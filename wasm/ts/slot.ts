// What the cache holds for one entry of the engine: the token, its lease, and the request that fetches it.
import type { AccessToken } from "./credential.ts";
import type { Owner } from "./owner.ts";
import type { Place } from "./request-tree.ts";

/** The parts of a request beside its scopes. */
export interface Details {
  readonly tenantId: string | undefined;
  readonly cae: boolean;
  readonly claims: string | undefined;
}

/** An error that was thrown, whatever it is: `undefined` can be. */
export interface Thrown {
  readonly error: unknown;
}

/** One entry. The engine knows when, this knows what. */
export class Slot implements Place {
  // What a hit reads comes first: it is on one or two cache lines.
  /** One resolved promise of the token, for all its callers. */
  answer: Promise<AccessToken> | undefined = undefined;
  /** The lease, in Unix milliseconds: NaN, which no time is past, while there is none. */
  from = Number.NaN;
  until = Number.NaN;
  /** The engine's id; -1 once the engine has forgotten it. */
  entry: number;
  readonly owner: Owner;
  /** As the first caller gave them. */
  readonly scopes: string | readonly string[];
  readonly details: Details;
  token: AccessToken | undefined = undefined;
  failure: Thrown | undefined = undefined;
  /** What callers wait for who came without options. */
  crowd: Promise<AccessToken | null> | undefined = undefined;

  constructor(entry: number, owner: Owner, scopes: string | readonly string[], details: Details) {
    this.entry = entry;
    this.owner = owner;
    this.scopes = scopes;
    this.details = details;
  }

  /** Most requests are only ever made plainly: their slot stands in the tree itself. */
  get plain(): this {
    return this;
  }

  get cae(): undefined {
    return undefined;
  }

  get tenants(): undefined {
    return undefined;
  }

  get next(): undefined {
    return undefined;
  }

  keep(token: AccessToken): void {
    if (this.token === undefined) this.#count(1);
    this.token = token;
    this.answer = Promise.resolve(token);
    this.failure = undefined;
    this.lapse();
  }

  /** Ends the lease: the engine is asked at the next call. */
  lapse(): void {
    this.from = Number.NaN;
    this.until = Number.NaN;
  }

  forget(): void {
    if (this.token !== undefined) this.#count(-1);
    this.token = undefined;
    this.answer = undefined;
    this.failure = undefined;
    this.crowd = undefined;
    this.lapse();
  }

  /** A challenge's token is the one of the request without claims. */
  #count(change: number): void {
    if (this.details.claims === undefined) this.owner.tokens += change;
  }
}
