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

metrics.setGlobalMeterProvider(meters);
trace.setGlobalTracerProvider(tracers);

/** Where the API keeps what was registered: taken away and put back, which takes no time. */
const registry = Symbol.for("opentelemetry.js.api.1");
const registered = globalThis[registry];
const listening = { nobody: undefined, "metrics, spans": registered };

// One loop and one credential for both: two would differ by how they were compiled.
const subjects = Object.entries(shapes).flatMap(([what, shape]) => {
  const credential = withTokenCache(source(), { identity: "fixed" });
  const loop = loopOf(shape, { credential, scope: benchScope });
  return Object.entries(listening).map(([who, listeners]) => {
    const run = (n) => {
      globalThis[registry] = listeners;
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
