// The record that is sealed, as JSON says it: the same fields as host's `Record`.
import type { Generation, StoredFailure, StoredLogin, StoredToken } from "./token-store.ts";

/** What a record says, and its place among those that came before and after. */
export interface StoreRecord {
  readonly generation: Generation;
  readonly content:
    | { readonly token: TokenRecord }
    | { readonly failure: FailureRecord }
    /** There was a token; results of fetches that began before it went are not kept. */
    | "tombstone";
}

interface TokenRecord {
  readonly secret: string;
  readonly token_type: string;
  readonly expires_at_ms: number;
  readonly refresh_at_ms?: number;
  readonly acquired_at_ms: number;
  readonly tenant: string;
  readonly account: string;
  readonly login_witness: string;
  readonly session_witness: string;
  readonly extra?: Record<string, unknown>;
}

interface FailureRecord {
  readonly failed_at_ms: number;
  readonly class: string;
  readonly message: string;
  readonly retry_after_ms?: number;
  readonly network: boolean;
  readonly login_witness: string;
  readonly session_witness: string;
}

export function recordOfToken(token: StoredToken, generation: Generation): StoreRecord {
  const { refreshAt, extra } = token;
  return {
    generation,
    content: {
      token: {
        secret: token.token,
        token_type: token.tokenType ?? "Bearer",
        expires_at_ms: token.expiresAt,
        ...(refreshAt !== undefined && { refresh_at_ms: refreshAt }),
        acquired_at_ms: token.acquiredAt,
        tenant: token.tenantId ?? "",
        account: token.account ?? "",
        login_witness: token.login.account,
        session_witness: token.login.session,
        ...(extra !== undefined && { extra: { ...extra } }),
      },
    },
  };
}

export function recordOfFailure(failure: StoredFailure): StoreRecord {
  const { retryAfterMs } = failure;
  return {
    generation: { store: 0, entry: 0 },
    content: {
      failure: {
        failed_at_ms: failure.failedAt,
        class: failure.name,
        message: failure.message,
        ...(retryAfterMs !== undefined && { retry_after_ms: retryAfterMs }),
        network: failure.network,
        login_witness: failure.login.account,
        session_witness: failure.login.session,
      },
    },
  };
}

/** The generation of what was sealed; `undefined` of anything that is no record. */
export function generationOf(record: unknown): Generation | undefined {
  const generation = field(record, "generation");
  const [store, entry] = [field(generation, "store"), field(generation, "entry")];
  return isCount(store) && isCount(entry) ? { store, entry } : undefined;
}

export function tokenOf(record: unknown): StoredToken | undefined {
  const token = field(field(record, "content"), "token");
  const [secret, expiresAt, acquiredAt] = [
    field(token, "secret"),
    field(token, "expires_at_ms"),
    field(token, "acquired_at_ms"),
  ];
  if (typeof secret !== "string" || typeof expiresAt !== "number" || typeof acquiredAt !== "number")
    return undefined;
  const extra = field(token, "extra");
  return {
    token: secret,
    expiresAt,
    acquiredAt,
    login: loginOf(token),
    ...number("refreshAt", field(token, "refresh_at_ms")),
    ...text("tokenType", field(token, "token_type")),
    ...text("tenantId", field(token, "tenant")),
    ...text("account", field(token, "account")),
    ...(typeof extra === "object" && extra !== null && { extra: extra as Record<string, unknown> }),
  };
}

export function failureOf(record: unknown): StoredFailure | undefined {
  const failure = field(field(record, "content"), "failure");
  const [failedAt, name, message] = [
    field(failure, "failed_at_ms"),
    field(failure, "class"),
    field(failure, "message"),
  ];
  if (typeof failedAt !== "number" || typeof name !== "string" || typeof message !== "string")
    return undefined;
  return {
    failedAt,
    name,
    message,
    network: field(failure, "network") === true,
    login: loginOf(failure),
    ...number("retryAfterMs", field(failure, "retry_after_ms")),
  };
}

function loginOf(record: unknown): StoredLogin {
  const digest = (value: unknown) => (typeof value === "string" ? value : "");
  return {
    account: digest(field(record, "login_witness")),
    session: digest(field(record, "session_witness")),
  };
}

function number<Name extends string>(name: Name, value: unknown): { [Key in Name]?: number } {
  return typeof value === "number" ? ({ [name]: value } as { [Key in Name]: number }) : {};
}

/** An empty text is none: host's records have one for every token. */
function text<Name extends string>(name: Name, value: unknown): { [Key in Name]?: string } {
  return typeof value === "string" && value !== "" ? ({ [name]: value } as { [Key in Name]: string }) : {};
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
