// The caches that people use for tokens in JavaScript, each in front of the same source.
import {
  bearerTokenAuthenticationPolicy,
  createHttpHeaders,
  createPipelineRequest,
} from "@azure/core-rest-pipeline";
import { ConfidentialClientApplication } from "@azure/msal-node";
import { memoize } from "@smithy/core/config";
import { LRUCache } from "lru-cache";
import pMemoize from "p-memoize";
import { benchScope } from "./sources.mjs";

const tenantId = "00000000-0000-4000-8000-0000000000aa";
const clientId = "00000000-0000-4000-8000-0000000000bb";
const authorityHost = "https://login.microsoftonline.com";
const expiryBufferMs = 300_000;

/** As hand-written: one `Map`, keyed by all arguments, entries with an end. */
export function jsonMap(source) {
  const held = new Map();
  return {
    async getToken(...args) {
      const key = JSON.stringify(args);
      const known = held.get(key);
      if (known !== undefined && known.expiresOnTimestamp > Date.now()) return known;
      const token = await source.getToken(...args);
      held.set(key, token);
      return token;
    },
  };
}

export function lruCache(source, { max = 1000 } = {}) {
  const held = new LRUCache({
    max,
    ttl: 3_600_000,
    fetchMethod: async (scope, _stale, { options }) => {
      const token = await source.getToken(scope);
      options.ttl = token.expiresOnTimestamp - Date.now();
      return token;
    },
  });
  return { getToken: (scope) => held.fetch(scope) };
}

export function pMemoized(source) {
  const getToken = pMemoize((scope) => source.getToken(scope));
  return { getToken: (scope) => getToken(scope) };
}

/** Its key is nothing: one value for whatever is asked. */
export function smithy(source) {
  const provider = memoize(
    () => source.getToken(benchScope),
    (token) => token.expiresOnTimestamp - Date.now() < expiryBufferMs,
    (token) => token.expiresOnTimestamp !== undefined,
  );
  return { getToken: () => provider() };
}

/** The bearer policy of every Azure SDK client; a call is a request through it, with nothing sent. */
export function pipelinePolicy(source) {
  const policy = bearerTokenAuthenticationPolicy({ credential: source, scopes: [benchScope] });
  const request = createPipelineRequest({ url: "https://localhost/" });
  const response = { status: 200, headers: createHttpHeaders(), request };
  const next = () => Promise.resolve(response);
  return { getToken: () => policy.sendRequest(request, next) };
}

/** Requests are answered in the process: what is measured is the cache, not the network. */
export function msalNode(source) {
  const application = new ConfidentialClientApplication({
    auth: {
      clientId,
      clientSecret: "not-a-secret",
      authority: `${authorityHost}/${tenantId}`,
      knownAuthorities: ["login.microsoftonline.com"],
      cloudDiscoveryMetadata: JSON.stringify(discovery()),
      authorityMetadata: JSON.stringify(configuration()),
    },
    system: {
      networkClient: {
        sendGetRequestAsync: async () => ({ headers: {}, status: 200, body: configuration() }),
        sendPostRequestAsync: async (_url, options) => {
          const { status, body } = await tokenResponse(source, options?.body ?? "");
          return { headers: {}, status, body };
        },
      },
    },
  });
  return {
    getToken: (scope) => application.acquireTokenByClientCredential({ scopes: [scope] }),
  };
}

/** `identity` is the module: another version under Node 20 than under Node 24. */
export function clientSecretCredential(source, identity) {
  return new identity.ClientSecretCredential(tenantId, clientId, "not-a-secret", {
    disableInstanceDiscovery: true,
    additionallyAllowedTenants: ["*"],
    retryOptions: { maxRetries: 0 },
    httpClient: {
      async sendRequest(request) {
        const { status, body } = new URL(request.url).pathname.endsWith("/token")
          ? await tokenResponse(source, String(request.body ?? ""))
          : {
              status: 200,
              body: request.url.includes("openid-configuration") ? configuration() : discovery(),
            };
        return { request, status, headers: createHttpHeaders(), bodyAsText: JSON.stringify(body) };
      },
    },
  });
}

/** The newest that runs here. */
export function azureIdentity() {
  return import(Number(process.versions.node.split(".")[0]) >= 22 ? "identity-newest" : "@azure/identity");
}

async function tokenResponse(source, form) {
  const scope = (new URLSearchParams(form).get("scope") ?? "").split(" ")[0];
  try {
    const { token, expiresOnTimestamp } = await source.getToken(scope);
    const seconds = Math.round((expiresOnTimestamp - Date.now()) / 1000);
    return {
      status: 200,
      body: { token_type: "Bearer", expires_in: seconds, ext_expires_in: seconds, access_token: token },
    };
  } catch {
    return { status: 400, body: { error: "invalid_client", error_description: "AADSTS7000215: refused" } };
  }
}

function discovery() {
  const names = { preferred_network: "login.microsoftonline.com", preferred_cache: "login.windows.net" };
  return {
    tenant_discovery_endpoint: `${authorityHost}/${tenantId}/v2.0/.well-known/openid-configuration`,
    "api-version": "1.1",
    metadata: [{ ...names, aliases: ["login.microsoftonline.com", "login.windows.net"] }],
  };
}

function configuration() {
  const base = `${authorityHost}/${tenantId}`;
  return {
    issuer: `${base}/v2.0`,
    authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
    token_endpoint: `${base}/oauth2/v2.0/token`,
    end_session_endpoint: `${base}/oauth2/v2.0/logout`,
    jwks_uri: `${base}/discovery/v2.0/keys`,
  };
}
