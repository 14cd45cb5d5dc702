// A span for each run of a credential: under its caller's, or a root of its own where it runs behind callers.
import type { GetTokenOptions } from "../credential.ts";
import type { FetchOutcome, FetchSubject } from "../events.ts";
import {
  type Attributes,
  type Context,
  type ContextManager,
  failed,
  keys,
  openTelemetry,
  type Span,
  scopeName,
} from "./open-telemetry.ts";

type Tracing = GetTokenOptions["tracingOptions"];

export class FetchSpan {
  readonly #span: Span;
  readonly #manager: ContextManager | undefined;
  /** Where the credential runs: what it starts stands under this span. */
  readonly #context: Context | undefined;
  /** What the credential is given. */
  readonly tracing: Tracing;

  private constructor(
    span: Span,
    manager: ContextManager | undefined,
    parent: Context | undefined,
    tracing: Tracing,
  ) {
    this.#span = span;
    this.#manager = manager;
    this.#context = parent?.setValue(keys.span, span);
    const given: Context | undefined = tracing?.tracingContext;
    this.tracing = isContext(given)
      ? { ...tracing, tracingContext: given.setValue(keys.span, span) }
      : tracing;
  }

  /** `undefined` where nobody registered a tracer. `tracing` is what the caller passed who starts the run. */
  static begin(fetch: FetchSubject, tracing: Tracing): FetchSpan | undefined {
    const { trace, context: manager } = openTelemetry() ?? {};
    if (trace === undefined) return undefined;
    try {
      const parent = fetch.behind ? apart(manager?.active()) : parentOf(tracing, manager);
      const options = { attributes: attributesOf(fetch) };
      const span = trace.getTracer(scopeName).startSpan(`azure_token_cache.fetch`, options, parent);
      return new FetchSpan(span, manager, parent, tracing);
    } catch {
      // Its own business: a token is worth more than a span.
      return undefined;
    }
  }

  /** What `run` returns. */
  within<T>(run: () => T): T {
    return this.#manager === undefined || this.#context === undefined
      ? run()
      : this.#manager.with(this.#context, run);
  }

  end(outcome: FetchOutcome, errorName: string | undefined): void {
    try {
      const error: Attributes = errorName === undefined ? {} : { "error.type": errorName };
      this.#span.setAttributes({ "azure_token_cache.fetch.outcome": outcome, ...error });
      // Without a message: what an error says may name a user.
      if (outcome === "failed") this.#span.setStatus({ code: failed });
      this.#span.end();
    } catch {
      // As above.
    }
  }
}

function attributesOf({ kind, scopes, behind, challenged }: FetchSubject): Attributes {
  return {
    "azure_token_cache.credential.kind": kind,
    "azure_token_cache.fetch.mode": behind ? "behind" : "front",
    "azure_token_cache.fetch.challenged": challenged,
    "azure_token_cache.scopes": [...scopes],
  };
}

/** What the caller says stands over its call; else what is active. */
function parentOf(tracing: Tracing, manager: ContextManager | undefined): Context | undefined {
  const given: unknown = tracing?.tracingContext;
  return isContext(given) && given.getValue(keys.span) !== undefined ? given : manager?.active();
}

/** A context without the caller who happened to be the one that found the token due. */
function apart(context: Context | undefined): Context | undefined {
  return context?.deleteValue(keys.span).deleteValue(keys.baggage);
}

/** `@azure/core-tracing` has contexts of its own, which have the same methods. */
function isContext(value: unknown): value is Context {
  return typeof (value as Partial<Context> | null | undefined)?.setValue === "function";
}
