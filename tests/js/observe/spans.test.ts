// The span of a fetch: under its caller's or apart from all of them, over what the credential does, and ended whatever happens.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  context,
  type MeterProvider,
  metrics,
  propagation,
  SpanStatusCode,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { errorOf, hour, minute, scope, wrapped } from "../wrapper/wrapped.ts";
import { Telemetry } from "./telemetry.ts";

describe("the span of a fetch in front", () => {
  it("is a child of the active span of the caller who began it, and says what the event says", async () => {
    await using telemetry = Telemetry.register();
    const { credential } = wrapped();
    await telemetry.tracer.startActiveSpan("request", async (request) => {
      await credential.getToken([scope, "b"]);
      await credential.getToken([scope, "b"]);
      request.end();
    });
    const [fetch, request, ...others] = telemetry.spans();
    assert.deepEqual(others, []);
    assert.equal(fetch?.name, "azure_token_cache.fetch");
    assert.equal(fetch?.parentSpanContext?.spanId, request?.spanContext().spanId);
    assert.equal(fetch?.status.code, SpanStatusCode.UNSET);
    assert.deepEqual(fetch?.attributes, {
      "azure_token_cache.credential.kind": "credential",
      "azure_token_cache.fetch.mode": "front",
      "azure_token_cache.fetch.challenged": false,
      "azure_token_cache.scopes": [scope, "b"],
      "azure_token_cache.fetch.outcome": "granted",
    });
  });

  it("is a child of the span in the caller's tracingOptions, wherever the call is made", async () => {
    await using telemetry = Telemetry.register();
    const { credential } = wrapped();
    const operation = telemetry.tracer.startSpan("operation");
    const tracingContext = trace.setSpan(context.active(), operation);
    await telemetry.tracer.startActiveSpan("another", (another) =>
      credential.getToken(scope, { tracingOptions: { tracingContext } }).finally(() => another.end()),
    );
    assert.equal(fetchOf(telemetry).parentSpanContext?.spanId, operation.spanContext().spanId);
  });

  it("stands over what the credential does, in its active context and in its tracingOptions", async () => {
    await using telemetry = Telemetry.register();
    const { credential, source } = wrapped();
    const seen: unknown[] = [];
    const getToken = source.getToken.bind(source);
    source.getToken = async (scopes, options) => {
      await null;
      seen.push(trace.getActiveSpan()?.spanContext().spanId);
      const given = options?.tracingOptions?.tracingContext;
      seen.push(given && trace.getSpan(given)?.spanContext().spanId);
      return getToken(scopes, options);
    };
    const operation = trace.setSpan(context.active(), telemetry.tracer.startSpan("operation"));
    await credential.getToken("a", { tracingOptions: { tracingContext: operation } });
    await credential.getToken("b");
    const [first, second] = telemetry.spans().map((span) => span.spanContext().spanId);
    assert.deepEqual(seen, [first, first, second, undefined]);
  });

  it("has the outcome, and of an error its class alone", async () => {
    await using telemetry = Telemetry.register();
    const error = Object.assign(new Error("secret"), { name: "CredentialUnavailableError" });
    const { credential, clock } = wrapped([{ error }, null, "never", "never"]);
    await errorOf(credential.getToken("failed"));
    await credential.getToken("null");
    const limited = errorOf(credential.getToken("limit"));
    await clock.advance(minute);
    await limited;
    const dropped = errorOf(credential.getToken("dropped"));
    await credential.close();
    await dropped;
    await clock.settle();
    assert.deepEqual(
      telemetry
        .spans()
        .map(({ attributes, status, events }) => [
          attributes["azure_token_cache.fetch.outcome"],
          attributes["error.type"],
          status,
          events.length,
        ]),
      [
        ["failed", "CredentialUnavailableError", { code: SpanStatusCode.ERROR }, 0],
        ["null", undefined, { code: SpanStatusCode.UNSET }, 0],
        ["failed", "FetchTimeoutError", { code: SpanStatusCode.ERROR }, 0],
        ["dropped", undefined, { code: SpanStatusCode.UNSET }, 0],
      ],
    );
  });
});

describe("the span of a fetch behind", () => {
  it("is a root, without the baggage of the caller who found the token due", async () => {
    await using telemetry = Telemetry.register();
    const { credential, clock, source } = wrapped();
    await credential.getToken(scope);
    await clock.advance(hour - 4 * minute);
    let baggage: unknown = "not called";
    const getToken = source.getToken.bind(source);
    source.getToken = (scopes, options) => {
      baggage = propagation.getActiveBaggage();
      return getToken(scopes, options);
    };
    const carrying = propagation.setBaggage(
      context.active(),
      propagation.createBaggage({ customer: { value: "1" } }),
    );
    await context.with(carrying, () =>
      telemetry.tracer.startActiveSpan("request", async (request) => {
        await credential.getToken(scope);
        request.end();
      }),
    );
    await clock.settle();
    const behind = telemetry
      .spans()
      .find((span) => span.attributes["azure_token_cache.fetch.mode"] === "behind");
    const request = telemetry.spans().find(({ name }) => name === "request");
    assert.ok(behind !== undefined && request !== undefined);
    assert.equal(behind.parentSpanContext, undefined);
    assert.notEqual(behind.spanContext().traceId, request.spanContext().traceId);
    assert.equal(baggage, undefined);
  });
});

describe("without a provider", () => {
  it("the caller's tracingOptions go on as they are", async () => {
    const { credential, source } = wrapped();
    const tracingOptions = { tracingContext: { mine: true } };
    await credential.getToken(scope, { tracingOptions });
    assert.equal(source.calls[0]?.options.tracingOptions, tracingOptions);
  });

  it("a tracer that is registered later has the spans from then on", async () => {
    const { credential } = wrapped();
    await credential.getToken("a");
    await using telemetry = Telemetry.register();
    await credential.getToken("b");
    assert.deepEqual(
      telemetry.spans().map((span) => span.attributes["azure_token_cache.scopes"]),
      [["b"]],
    );
  });
});

describe("a listener that breaks", () => {
  const broken = () => {
    throw new Error("broken");
  };

  it("costs no token", async () => {
    const span = { setAttributes: broken, setStatus: broken, end: broken };
    const instrument = { record: broken, addCallback: broken };
    const meter = {
      createHistogram: () => instrument,
      createObservableCounter: () => instrument,
      createObservableUpDownCounter: () => instrument,
      addBatchObservableCallback: () => {},
    };
    for (const getTracer of [broken, () => ({ startSpan: broken }), () => ({ startSpan: () => span })])
      for (const getMeter of [broken, () => meter]) {
        trace.setGlobalTracerProvider({ getTracer } as unknown as TracerProvider);
        metrics.setGlobalMeterProvider({ getMeter } as unknown as MeterProvider);
        const { credential } = wrapped();
        const token = credential.getToken(scope).finally(() => {
          trace.disable();
          metrics.disable();
        });
        assert.equal((await token)?.token, "token-1");
      }
  });
});

function fetchOf(telemetry: Telemetry): ReadableSpan {
  const [fetch] = telemetry.spans().filter(({ name }) => name === "azure_token_cache.fetch");
  assert.ok(fetch !== undefined);
  return fetch;
}
