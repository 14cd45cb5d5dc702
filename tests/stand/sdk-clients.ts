// Clients as the Azure SDKs build them: each with core-rest-pipeline's own token cycler, calling the stand's `/api`.
import type { TokenCredential } from "@azure/core-auth";
import {
  bearerTokenAuthenticationPolicy,
  createDefaultHttpClient,
  createPipelineFromOptions,
  createPipelineRequest,
} from "@azure/core-rest-pipeline";
import type { Entra } from "./entra.ts";

/** Whom the stand's resource server saw. */
export interface Caller {
  readonly objectId: string;
  readonly tenantId: string;
  readonly audience: string;
  readonly uti: string;
}

export interface SdkClient {
  /** Resolves with whom the server saw; rejects as the SDK does, or with the status of a refusal. */
  request(): Promise<Caller>;
}

export function sdkClient(credential: TokenCredential, scope: string, entra: Entra): SdkClient {
  const pipeline = createPipelineFromOptions({
    retryOptions: { maxRetries: 0 },
    tlsOptions: { ca: entra.ca },
  });
  pipeline.addPolicy(bearerTokenAuthenticationPolicy({ credential, scopes: scope }));
  return {
    async request() {
      const request = createPipelineRequest({ url: `${entra.url}/api/whoami` });
      const { status, bodyAsText } = await pipeline.sendRequest(createDefaultHttpClient(), request);
      if (status !== 200) throw new Error(`the service answered ${status}`);
      return JSON.parse(bodyAsText ?? "") as Caller;
    },
  };
}

/** `clients` clients at once, each making `requests` requests one after the other: all that they saw. */
export async function manyRequests(
  credential: TokenCredential,
  scope: string,
  entra: Entra,
  { clients, requests }: { clients: number; requests: number },
): Promise<Caller[]> {
  const each = Array.from({ length: clients }, async () => {
    const client = sdkClient(credential, scope, entra);
    const seen: Caller[] = [];
    for (let request = 0; request < requests; request += 1) seen.push(await client.request());
    return seen;
  });
  return (await Promise.all(each)).flat();
}
