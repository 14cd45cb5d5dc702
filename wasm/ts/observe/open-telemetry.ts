// What a program registered with OpenTelemetry, read where every copy of `@opentelemetry/api` 1.x keeps it.
//
// The API itself is never imported. So nothing is loaded where nobody listens, the first fetch has its span, and it makes no
// difference whether the program's copy of the API is a package, is bundled, or is there twice.

/** The part of `TracerProvider`, `MeterProvider` and `ContextManager` that is used here. */
export interface OpenTelemetry {
  readonly trace?: { getTracer(name: string): Tracer };
  readonly metrics?: MeterProvider;
  readonly context?: ContextManager;
}

export interface Tracer {
  startSpan(name: string, options: SpanOptions, context?: Context): Span;
}

export interface SpanOptions {
  readonly attributes: Attributes;
}

export interface Span {
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { code: number }): unknown;
  end(): void;
}

/** Immutable: the setters return another one. */
export interface Context {
  getValue(key: symbol): unknown;
  setValue(key: symbol, value: unknown): Context;
  deleteValue(key: symbol): Context;
}

export interface ContextManager {
  active(): Context;
  with<T>(context: Context, run: () => T): T;
}

export interface MeterProvider {
  getMeter(name: string): Meter;
}

export interface Meter {
  createHistogram(name: string, options: HistogramOptions): Histogram;
  createObservableCounter(name: string, options: InstrumentOptions): Instrument;
  createObservableUpDownCounter(name: string, options: InstrumentOptions): Instrument;
  addBatchObservableCallback(read: (observer: Observer) => void, instruments: Instrument[]): void;
}

export interface InstrumentOptions {
  readonly unit: string;
  readonly description: string;
}

export interface HistogramOptions extends InstrumentOptions {
  readonly advice: { explicitBucketBoundaries: number[] };
}

/** What observations are made of; opaque. */
export type Instrument = object;

export interface Observer {
  observe(instrument: Instrument, value: number, attributes: Attributes): void;
}

export interface Histogram {
  record(value: number, attributes: Attributes): void;
}

export interface Attributes {
  readonly [name: string]: string | boolean | string[];
}

/** `SpanStatusCode.ERROR`. */
export const failed = 2;

/** The keys under which the API keeps the span and the baggage of a context. */
export const keys = {
  span: Symbol.for("OpenTelemetry Context Key SPAN"),
  baggage: Symbol.for("OpenTelemetry Baggage Key"),
} as const;

/** The name of the tracer and of the meter. */
export const scopeName = "azure-token-cache";

const registry = Symbol.for("opentelemetry.js.api.1");

/** `undefined` where nothing was ever registered. */
export function openTelemetry(): OpenTelemetry | undefined {
  return (globalThis as { [registry]?: OpenTelemetry })[registry];
}
