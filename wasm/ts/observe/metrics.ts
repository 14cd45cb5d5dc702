// The metrics of OpenTelemetry: counts that are read when somebody asks, and how long fetches took.
import type { CacheEvent } from "../events.ts";
import { Census, type Counted } from "./census.ts";
import {
  type Attributes,
  type Histogram,
  type InstrumentOptions,
  type Meter,
  type MeterProvider,
  type Observer,
  openTelemetry,
  scopeName,
} from "./open-telemetry.ts";

const census = new Census();
let registered: MeterProvider | undefined;
let duration: Histogram | undefined;

/**
 * Has the counts of a credential reported, if anybody registered a meter by now. Called when a credential is wrapped, when a
 * lease is renewed and when a fetch begins; a hit is counted anyway, and does nothing for this.
 */
export function countFor(who: Counted): void {
  if (meets(openTelemetry()?.metrics)) census.add(who);
}

/** It is closed; what it counted stays. */
export function countNoMore(who: Counted): void {
  census.remove(who);
}

/** Hears every event. */
export function measure(event: CacheEvent): void {
  if (event.type !== "fetch-end" || !meets(openTelemetry()?.metrics)) return;
  const { kind, behind, outcome, errorName } = event;
  duration?.record(event.milliseconds / 1000, {
    ...ofKind(kind),
    ...ofMode(behind),
    "azure_token_cache.fetch.outcome": outcome,
    ...(errorName !== undefined && { "error.type": errorName }),
  });
}

/** Whether there is a provider; a new one is given the instruments. */
function meets(provider: MeterProvider | undefined): boolean {
  if (provider !== undefined && provider !== registered) {
    registered = provider;
    try {
      duration = install(provider.getMeter(scopeName));
    } catch {
      // Its own business: a token is worth more than a number.
      duration = undefined;
    }
  }
  return provider !== undefined;
}

function install(meter: Meter): Histogram {
  const counter = (name: string, unit: string, description: string) =>
    meter.createObservableCounter(named(name), { unit, description });
  const hits = counter("hits", "{call}", "Calls answered at once with a token that was held");
  const waits = counter("waits", "{call}", "Calls that waited for a fetch, or for the login to be read");
  const fetches = counter(
    "fetches",
    "{fetch}",
    "Runs of credentials, begun in front of or behind their callers",
  );
  const failures = counter("fetch.failures", "{fetch}", "Runs of credentials that failed");
  const tokens = meter.createObservableUpDownCounter(named("tokens"), held);
  const read = (observer: Observer) => {
    for (const [kind, stats] of census.totals()) {
      const attributes = ofKind(kind);
      observer.observe(hits, stats.hits, attributes);
      observer.observe(waits, stats.waits, attributes);
      observer.observe(fetches, stats.fetches - stats.fetchesBehind, { ...attributes, ...ofMode(false) });
      observer.observe(fetches, stats.fetchesBehind, { ...attributes, ...ofMode(true) });
      observer.observe(failures, stats.failures, attributes);
      observer.observe(tokens, stats.tokens, attributes);
    }
  };
  meter.addBatchObservableCallback(read, [hits, waits, fetches, failures, tokens]);
  return meter.createHistogram(named("fetch.duration"), {
    unit: "s",
    description: "How long runs of credentials took",
    advice: { explicitBucketBoundaries: boundaries },
  });
}

const held: InstrumentOptions = { unit: "{token}", description: "Tokens in memory" };

/** From a token of the store to az on a busy machine, in seconds. */
const boundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const named = (name: string) => `azure_token_cache.${name}`;
const ofKind = (kind: string): Attributes => ({ "azure_token_cache.credential.kind": kind });
const ofMode = (behind: boolean): Attributes => ({
  "azure_token_cache.fetch.mode": behind ? "behind" : "front",
});
