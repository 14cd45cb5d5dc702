// What listeners cost: hits and fetches with the real OpenTelemetry SDK listening, beside nobody.
import { metrics, trace } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { withTokenCache } from "azure-token-cache";
import { report } from "../child.mjs";
import { interleave, loopOf } from "../interleave.mjs";
import { benchScope, source } from "../sources.mjs";

const rounds = 101;
const shapes = {
  hit: "credential.getToken(scope)",
  "hit with options": "credential.getToken([scope], { enableCae: true })",
  fetch: "(credential.invalidate(scope), credential.getToken(scope))",
};

const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 31 - 1 });
const meters = new MeterProvider({ readers: [reader] });
const tracers = new BasicTracerProvider();

/** Each does both, so that switching takes as long. */
const switches = {
  nobody() {
    register();
    unregister();
  },
  "metrics, spans"() {
    unregister();
    register();
  },
};

const subjects = Object.entries(switches).flatMap(([who, listen]) => {
  return Object.entries(shapes).map(([what, shape]) => {
    const credential = withTokenCache(source(), { identity: "fixed" });
    const loop = loopOf(shape, { credential, scope: benchScope });
    const run = (n) => {
      listen();
      return loop(n);
    };
    return { name: `${what}, ${who}`, run };
  });
});
for (const { run } of subjects) await run(1);
const timings = await interleave(subjects, { rounds });
await mustHaveCounted();

report({
  values: {
    "observed.hit": beside("hit"),
    "observed.hitOptions": beside("hit with options"),
  },
  table: { title: "Nanoseconds, by who listens", cells: timings.all() },
});

function register() {
  metrics.setGlobalMeterProvider(meters);
  trace.setGlobalTracerProvider(tracers);
}

function unregister() {
  metrics.disable();
  trace.disable();
}

function beside(what) {
  return timings.ratio(`${what}, metrics, spans`, `${what}, nobody`);
}

async function mustHaveCounted() {
  await reader.forceFlush();
  const found = exporter
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
  const hits = found.find(({ descriptor }) => descriptor.name === "azure_token_cache.hits");
  if (!(hits?.dataPoints[0]?.value > rounds)) throw new Error("nobody heard of the hits");
}
