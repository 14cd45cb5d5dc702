// The counts of all credentials that have a cache, by kind of credential, for whoever asks now and then.
import { noStats, type Stats, sum } from "../stats.ts";

/** A credential with a cache. */
export interface Counted {
  readonly kind: { readonly name: string };
  stats(): Stats;
}

interface Entry {
  readonly who: WeakRef<Counted>;
  readonly kind: string;
  /** As of the last look: what is left to say of one that was dropped without being closed. */
  last: Stats;
}

/** Sums never fall but by tokens: what was counted stays, whatever becomes of who counted. */
export class Census {
  readonly #live = new Set<Entry>();
  readonly #entries = new WeakMap<Counted, Entry>();
  readonly #past = new Map<string, Stats>();
  #sweepAt = 64;

  add(who: Counted): void {
    if (this.#entries.has(who)) return;
    if (this.#live.size >= this.#sweepAt) this.#sweep();
    const entry = { who: new WeakRef(who), kind: who.kind.name, last: who.stats() };
    this.#entries.set(who, entry);
    this.#live.add(entry);
  }

  /** Closed: it counts no further. */
  remove(who: Counted): void {
    const entry = this.#entries.get(who);
    if (entry !== undefined) this.#retire(entry, who.stats());
  }

  /** The sums by kind. */
  totals(): Map<string, Stats> {
    this.#sweep();
    const totals = new Map(this.#past);
    for (const { kind, last } of this.#live) totals.set(kind, sum(totals.get(kind) ?? noStats, last));
    return totals;
  }

  #sweep(): void {
    for (const entry of this.#live) {
      const who = entry.who.deref();
      if (who === undefined) this.#retire(entry, entry.last);
      else entry.last = who.stats();
    }
    this.#sweepAt = Math.max(64, 2 * this.#live.size);
  }

  #retire(entry: Entry, stats: Stats): void {
    if (!this.#live.delete(entry)) return;
    this.#past.set(entry.kind, sum(this.#past.get(entry.kind) ?? noStats, { ...stats, tokens: 0 }));
  }
}
