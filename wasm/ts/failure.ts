// What the error of a credential says for the next attempt: was it the network, and how long to wait.

/** The codes of Node (`node:dns`, libuv), undici, `@azure/core-rest-pipeline` and MSAL for a network that failed. */
const networkCodes: ReadonlySet<unknown> = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ENETDOWN",
  "EPIPE",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_SOCKET",
  "REQUEST_SEND_ERROR",
  "network_error",
  "no_network_connectivity",
]);

/** The code of `StoredFailureError`, which says itself what it was. */
const failedElsewhere = "FAILED_ELSEWHERE";

/** Errors wrap errors; no real chain is deeper, and one may be a circle. */
const depth = 6;

/** Whether the network failed, not the credential. An error that holds several is the network's when all of them are. */
export function isNetwork(error: unknown, within = depth): boolean {
  if (within === 0 || typeof error !== "object" || error === null) return false;
  if (field(error, "code") === failedElsewhere) return field(error, "network") === true;
  if (networkCodes.has(field(error, "code")) || networkCodes.has(field(error, "errorCode"))) return true;
  const several = field(error, "errors");
  const all =
    Array.isArray(several) && several.length > 0 && several.every((each) => isNetwork(each, within - 1));
  return all || isNetwork(causeOf(error), within - 1);
}

/** The pause that the error asks for, in milliseconds; NaN where it asks for none. */
export function retryAfter(error: unknown, unixMillis: number): number {
  let current = error;
  for (let within = depth; within > 0 && typeof current === "object" && current !== null; within -= 1) {
    const pause = pauseOf(current, unixMillis);
    if (pause >= 0) return pause;
    current = causeOf(current);
  }
  return Number.NaN;
}

/** `cause` of the language, `innerError` of `@azure/identity`. */
function causeOf(error: object): unknown {
  return field(error, "cause") ?? field(error, "innerError");
}

function pauseOf(error: object, unixMillis: number): number {
  const headers = field(field(error, "response"), "headers");
  for (const name of ["retry-after-ms", "x-ms-retry-after-ms"]) {
    const milliseconds = amountOf(header(headers, name));
    if (milliseconds >= 0) return milliseconds;
  }
  for (const value of [header(headers, "retry-after"), field(error, "retryAfter")]) {
    const seconds = amountOf(value);
    if (seconds >= 0) return seconds * 1000;
    const until = typeof value === "string" ? Date.parse(value) - unixMillis : Number.NaN;
    if (!Number.isNaN(until)) return Math.max(0, until);
  }
  return Number.NaN;
}

/** From a `Headers`, the SDK's own class, or a plain object. */
function header(headers: unknown, name: string): unknown {
  const get = field(headers, "get");
  if (typeof get !== "function") return field(headers, name);
  try {
    return get.call(headers, name);
  } catch {
    return undefined;
  }
}

function amountOf(value: unknown): number {
  if (typeof value === "number") return value;
  return typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
}

/** A property; undefined where there is none, or where reading it throws. */
function field(value: unknown, name: string): unknown {
  try {
    return (value as Record<string, unknown> | null | undefined)?.[name];
  } catch {
    return undefined;
  }
}
