// The part of Azure Pipelines that a job's service connection needs: OIDC tokens in the name of the connection's application.
import { fakeToken } from "../leaks/search.mjs";
import type { Call, Reply } from "./http.ts";
import { encode } from "./signing.ts";

/** The one job that runs: its own token, the page of SYSTEM_OIDCREQUESTURI, and a connection to this application. */
export interface PipelineJob {
  readonly oidcRequestPath: string;
  readonly accessToken: string;
  readonly serviceConnectionId: string;
  readonly appId: string;
}

export function pipelineJob(appId: string): PipelineJob {
  return {
    oidcRequestPath: "/contoso/_apis/distributedtask/hubs/build/plans/1/jobs/1/oidctoken",
    accessToken: fakeToken("of-the-job"),
    serviceConnectionId: "5e221ce0-0000-4000-8000-000000000041",
    appId,
  };
}

/** The reply, or undefined for a path that is not served here. */
export function answerPipelines(job: PipelineJob, call: Call): Reply | undefined {
  if (call.path !== job.oidcRequestPath) return undefined;
  if (call.method !== "POST") return { status: 405, body: { message: "The requested resource wants POST." } };
  if (call.header("authorization") !== `Bearer ${job.accessToken}`) return { status: 401 };
  if (call.query.get("api-version") !== "7.1") return refused("The api-version 7.1 is expected.");
  const connection = call.query.get("serviceConnectionId");
  if (connection !== job.serviceConnectionId) return refused(`Service connection ${connection} not found.`);
  return { status: 200, body: { oidcToken: assertionOf(job.appId) } };
}

/** In an application's name; the stand's token endpoint believes it, whoever signed. */
export function assertionOf(appId: string): string {
  const hour = 3600;
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: appId, aud: "api://AzureADTokenExchange", iat: now, exp: now + hour };
  return `${encode({ typ: "JWT", alg: "RS256" })}.${encode(claims)}.unsigned`;
}

function refused(message: string): Reply {
  return { status: 400, body: { message, typeKey: "InvalidRequestContentException" } };
}
