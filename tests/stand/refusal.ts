// The errors of the token endpoint, worded and shaped as Entra ID sends them.
import { randomUUID } from "node:crypto";
import type { Reply } from "./http.ts";

export interface Refusal {
  readonly status: number;
  /** OAuth's error code. */
  readonly error: string;
  /** The number after AADSTS. */
  readonly aadsts: number;
  readonly message: string;
  readonly suberror?: string;
  /** A claims challenge that an interactive sign-in would have to meet. */
  readonly claims?: string;
  readonly retryAfterSeconds?: number;
}

export const refusals = {
  tenantNotFound: (tenant: string): Refusal => ({
    status: 400,
    error: "invalid_request",
    aadsts: 90002,
    message: `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.`,
  }),
  applicationNotFound: (clientId: string, tenant: string): Refusal => ({
    status: 400,
    error: "unauthorized_client",
    aadsts: 700016,
    message: `Application with identifier '${clientId}' was not found in the directory '${tenant}'. This can happen if the application has not been installed by the administrator of the tenant.`,
  }),
  badSecret: (clientId: string): Refusal => ({
    status: 401,
    error: "invalid_client",
    aadsts: 7000215,
    message: `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${clientId}'.`,
  }),
  badAssertion: (): Refusal => ({
    status: 401,
    error: "invalid_client",
    aadsts: 700027,
    message:
      "The certificate with identifier used to sign the client assertion is not registered on application.",
  }),
  unsupportedGrant: (grant: string): Refusal => ({
    status: 400,
    error: "unsupported_grant_type",
    aadsts: 70003,
    message: `The app requested an unsupported grant type '${grant}'.`,
  }),
  missingParameter: (name: string): Refusal => ({
    status: 400,
    error: "invalid_request",
    aadsts: 900144,
    message: `The request body must contain the following parameter: '${name}'.`,
  }),
  badScope: (scope: string): Refusal => ({
    status: 400,
    error: "invalid_scope",
    aadsts: 70011,
    message: `The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope ${scope} is not valid.`,
  }),
  resourceNotFound: (resource: string, tenant: string): Refusal => ({
    status: 400,
    error: "invalid_resource",
    aadsts: 500011,
    message: `The resource principal named ${resource} was not found in the tenant named ${tenant}. This can happen if the application has not been installed by the administrator of the tenant.`,
  }),
  authorizationPending: (): Refusal => ({
    status: 400,
    error: "authorization_pending",
    aadsts: 70016,
    message: "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
  }),
  deviceCodeExpired: (): Refusal => ({
    status: 400,
    error: "expired_token",
    aadsts: 70020,
    message:
      "The provided value for the input parameter 'device_code' is not valid. This device code has expired.",
  }),
  codeRedeemed: (): Refusal => ({
    status: 400,
    error: "invalid_grant",
    aadsts: 54005,
    message:
      "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.",
  }),
  badVerifier: (): Refusal => ({
    status: 400,
    error: "invalid_grant",
    aadsts: 501481,
    message: "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
  }),
  badPassword: (): Refusal => ({
    status: 400,
    error: "invalid_grant",
    aadsts: 50126,
    message: "Error validating credentials due to invalid username or password.",
  }),
  badToken: (): Refusal => ({
    status: 400,
    error: "invalid_grant",
    aadsts: 9002313,
    message: "Invalid request. Request is malformed or invalid.",
  }),
  sessionRevoked: (): Refusal => ({
    status: 400,
    error: "invalid_grant",
    aadsts: 50173,
    suberror: "bad_token",
    message:
      "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.",
  }),
  strangerInTenant: (user: string, tenant: string): Refusal => ({
    status: 400,
    error: "invalid_grant",
    aadsts: 50020,
    message: `User account '${user}' from identity provider does not exist in tenant '${tenant}' and cannot access the application in that tenant.`,
  }),
  mfaRequired: (resource: string, claims: string): Refusal => ({
    status: 400,
    error: "interaction_required",
    aadsts: 50076,
    suberror: "basic_action",
    claims,
    message: `Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '${resource}'.`,
  }),
  throttled: (retryAfterSeconds: number): Refusal => ({
    status: 429,
    error: "temporarily_unavailable",
    aadsts: 90055,
    retryAfterSeconds,
    message: "The server has terminated an operation because it encountered too many requests.",
  }),
  unavailable: (retryAfterSeconds?: number): Refusal => ({
    status: 503,
    error: "temporarily_unavailable",
    aadsts: 90033,
    message: "A transient error has occurred. Please try again.",
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  }),
};

export function refusalReply(refusal: Refusal): Reply {
  const traceId = randomUUID();
  const correlationId = randomUUID();
  const timestamp = new Date()
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, "Z");
  const headers =
    refusal.retryAfterSeconds === undefined ? {} : { "retry-after": String(refusal.retryAfterSeconds) };
  return {
    status: refusal.status,
    headers,
    body: {
      error: refusal.error,
      error_description: `AADSTS${refusal.aadsts}: ${refusal.message} Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`,
      error_codes: [refusal.aadsts],
      timestamp,
      trace_id: traceId,
      correlation_id: correlationId,
      error_uri: `https://login.microsoftonline.com/error?code=${refusal.aadsts}`,
      ...(refusal.suberror === undefined ? {} : { suberror: refusal.suberror }),
      ...(refusal.claims === undefined ? {} : { claims: refusal.claims }),
    },
  };
}
