// What is counted of a credential, and sums of it.

/** Counts since a credential was wrapped, or a cache made. */
export interface Stats {
  /** Calls that were answered at once with a token that is held. */
  readonly hits: number;
  /** Calls that waited for a fetch. */
  readonly waits: number;
  /** Runs of the credential. */
  readonly fetches: number;
  /** Those of them that began behind their callers, who had the old token; callers waited for the others. */
  readonly fetchesBehind: number;
  /** Runs that failed. */
  readonly failures: number;
  /** Tokens in memory now; one that has expired is, until it is swept or replaced. */
  readonly tokens: number;
}

export const noStats: Stats = { hits: 0, waits: 0, fetches: 0, fetchesBehind: 0, failures: 0, tokens: 0 };

export function sum(left: Stats, right: Stats): Stats {
  return {
    hits: left.hits + right.hits,
    waits: left.waits + right.waits,
    fetches: left.fetches + right.fetches,
    fetchesBehind: left.fetchesBehind + right.fetchesBehind,
    failures: left.failures + right.failures,
    tokens: left.tokens + right.tokens,
  };
}
