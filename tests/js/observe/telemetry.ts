// The real OpenTelemetry SDK, registered as a program does, with what it recorded in memory.
import { context, metrics, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AggregationTemporality,
  type DataPoint,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";

/** Metrics and spans of one registration; disposing of it leaves nobody listening. */
export class Telemetry implements AsyncDisposable {
  readonly #spans = new InMemorySpanExporter();
  readonly #measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  readonly #reader = new PeriodicExportingMetricReader({
    exporter: this.#measured,
    exportIntervalMillis: 2 ** 31 - 1,
  });
  readonly #meters = new MeterProvider({ readers: [this.#reader] });
  readonly #tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.#spans)] });

  /** The program's own. */
  readonly tracer = this.#tracers.getTracer("a program");

  static register(): Telemetry {
    const telemetry = new Telemetry();
    const registered = [
      metrics.setGlobalMeterProvider(telemetry.#meters),
      trace.setGlobalTracerProvider(telemetry.#tracers),
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()),
    ];
    if (registered.includes(false)) throw new Error("somebody else is registered");
    return telemetry;
  }

  spans(): ReadableSpan[] {
    return this.#spans.getFinishedSpans();
  }

  /** Everything that is measured now, as the exporter got it. */
  async collected(): Promise<ResourceMetrics[]> {
    this.#measured.reset();
    await this.#reader.forceFlush();
    return this.#measured.getMetrics();
  }

  /** The values of one metric by its attributes, shortened to their last words. */
  async values(name: string): Promise<Record<string, unknown>> {
    const found = (await this.metrics()).filter(({ descriptor }) => descriptor.name === name);
    const points = found.flatMap(({ dataPoints }): DataPoint<unknown>[] => dataPoints);
    return Object.fromEntries(
      points.map(({ attributes, value }) => [Object.values(attributes).join(" "), value]),
    );
  }

  async metrics() {
    const scopes = (await this.collected()).flatMap(({ scopeMetrics }) => scopeMetrics);
    return scopes.flatMap((scope) => scope.metrics);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    metrics.disable();
    trace.disable();
    context.disable();
    await Promise.all([this.#meters.shutdown(), this.#tracers.shutdown()]);
  }
}
