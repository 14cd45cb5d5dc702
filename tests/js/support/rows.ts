// The support table as one list: every credential of @azure/identity, how it is made, and what its calls cost.
import { readFileSync } from "node:fs";
import type { TokenCredential } from "@azure/core-auth";
import type { AuthenticationRecord } from "@azure/identity";
import { alice, robot } from "../../stand/directory.ts";
import { appServiceHeader } from "../../stand/managed-identity.ts";
import type { PipelineJob } from "../../stand/pipelines.ts";

type Identity = typeof import("@azure/identity");

/** Where the stand is, and what was handed out for one test. */
export interface Given {
  readonly url: string;
  readonly machineUrl: string;
  readonly job: PipelineJob;
  /** PEM file with the application's key and certificate. */
  readonly certificatePath: string;
  /** File with an assertion in the application's name. */
  readonly federatedTokenFile: string;
  readonly authorizationCode: string;
  /** A user's token for the application. */
  readonly userAssertion: string;
}

/** What calls cost: requests of any kind that reached the stand, and processes. */
export interface Cost {
  readonly requests: number;
  readonly processes: number;
}

export interface Row {
  /** The class. */
  readonly name: string;
  /** Which of its ways to a token. */
  readonly way?: string;
  /** With a store it needs a `partition`: whose tokens it gets stands neither in its options nor in a file. */
  readonly partition?: true;
  /** MSAL decides once a process where its managed identity is: rows with different answers need processes of their own. */
  readonly machine?: "appService";
  /** Variables that are set while it is made and used. */
  variables?(given: Given): Readonly<Record<string, string>>;
  create(identity: Identity, given: Given): TokenCredential;
  /** What it was made of gets one token and no more. */
  readonly single?: true;
  /** Of one call, nothing cached. */
  readonly cost: Cost;
  /** The tool has a cache of its own, which its processes share: only the first of them asks the stand. */
  readonly toolCaches?: true;
}

/** So many callers at once, nothing cached: the class as it is costs each of them a call. */
export const crowd = 20;

export const rows: readonly Row[] = [
  {
    name: "AuthorizationCodeCredential",
    create: (identity, given) =>
      new identity.AuthorizationCodeCredential(
        alice.tenantId,
        robot.appId,
        given.authorizationCode,
        redirectUri,
        at(given),
      ),
    single: true,
    cost: { requests: 2, processes: 0 },
  },
  {
    name: "AzureCliCredential",
    create: (identity) => new identity.AzureCliCredential(),
    cost: { requests: 1, processes: 1 },
    toolCaches: true,
  },
  {
    name: "AzureDeveloperCliCredential",
    create: (identity) => new identity.AzureDeveloperCliCredential(),
    cost: { requests: 1, processes: 1 },
  },
  {
    name: "AzurePipelinesCredential",
    variables: ({ url, job }) => ({ SYSTEM_OIDCREQUESTURI: `${url}${job.oidcRequestPath}` }),
    create: (identity, given) =>
      new identity.AzurePipelinesCredential(
        robot.tenantId,
        robot.appId,
        given.job.serviceConnectionId,
        given.job.accessToken,
        at(given),
      ),
    cost: { requests: 4, processes: 0 },
  },
  {
    name: "AzurePowerShellCredential",
    create: (identity) => new identity.AzurePowerShellCredential(),
    cost: { requests: 1, processes: 2 },
  },
  {
    name: "ChainedTokenCredential",
    create: (identity, given) =>
      new identity.ChainedTokenCredential(
        new identity.EnvironmentCredential(at(given)),
        new identity.ClientSecretCredential(robot.tenantId, robot.appId, robot.secret, at(given)),
      ),
    cost: { requests: 2, processes: 0 },
  },
  {
    name: "ClientAssertionCredential",
    create: (identity, given) =>
      new identity.ClientAssertionCredential(
        robot.tenantId,
        robot.appId,
        async () => readFileSync(given.federatedTokenFile, "utf8"),
        at(given),
      ),
    cost: { requests: 2, processes: 0 },
  },
  {
    name: "ClientCertificateCredential",
    create: (identity, given) =>
      new identity.ClientCertificateCredential(robot.tenantId, robot.appId, given.certificatePath, at(given)),
    cost: { requests: 2, processes: 0 },
  },
  {
    name: "ClientSecretCredential",
    create: (identity, given) =>
      new identity.ClientSecretCredential(robot.tenantId, robot.appId, robot.secret, at(given)),
    cost: { requests: 2, processes: 0 },
  },
  {
    name: "DefaultAzureCredential",
    partition: true,
    create: (identity) => new identity.DefaultAzureCredential(),
    cost: { requests: 1, processes: 0 },
  },
  {
    name: "DeviceCodeCredential",
    partition: true,
    create: (identity, given) =>
      new identity.DeviceCodeCredential({
        ...at(given),
        tenantId: alice.tenantId,
        clientId: robot.appId,
        userPromptCallback: () => {},
      }),
    cost: { requests: 3, processes: 0 },
  },
  {
    name: "DeviceCodeCredential",
    way: "with an `authenticationRecord`",
    create: (identity, given) =>
      new identity.DeviceCodeCredential({
        ...at(given),
        tenantId: alice.tenantId,
        clientId: robot.appId,
        authenticationRecord: recordOf(given),
        userPromptCallback: () => {},
      }),
    cost: { requests: 3, processes: 0 },
  },
  {
    name: "EnvironmentCredential",
    variables: () => ({
      AZURE_TENANT_ID: robot.tenantId,
      AZURE_CLIENT_ID: robot.appId,
      AZURE_CLIENT_SECRET: robot.secret,
    }),
    create: (identity, given) => new identity.EnvironmentCredential(at(given)),
    cost: { requests: 2, processes: 0 },
  },
  {
    name: "InteractiveBrowserCredential",
    partition: true,
    create: (identity, given) =>
      new identity.InteractiveBrowserCredential({
        ...at(given),
        tenantId: alice.tenantId,
        clientId: robot.appId,
      }),
    cost: { requests: 3, processes: 1 },
  },
  {
    name: "InteractiveBrowserCredential",
    way: "with an `authenticationRecord`",
    create: (identity, given) =>
      new identity.InteractiveBrowserCredential({
        ...at(given),
        tenantId: alice.tenantId,
        clientId: robot.appId,
        authenticationRecord: recordOf(given),
      }),
    cost: { requests: 3, processes: 1 },
  },
  {
    name: "ManagedIdentityCredential",
    way: "IMDS",
    partition: true,
    create: (identity) => new identity.ManagedIdentityCredential(),
    cost: { requests: 1, processes: 0 },
  },
  {
    name: "ManagedIdentityCredential",
    way: "App Service",
    partition: true,
    machine: "appService",
    variables: ({ machineUrl }) => ({
      IDENTITY_ENDPOINT: `${machineUrl}/msi/token`,
      IDENTITY_HEADER: appServiceHeader,
    }),
    create: (identity) => new identity.ManagedIdentityCredential(),
    cost: { requests: 1, processes: 0 },
  },
  {
    name: "ManagedIdentityCredential",
    way: "token exchange",
    partition: true,
    variables: exchange,
    create: (identity) => new identity.ManagedIdentityCredential(robot.appId),
    cost: { requests: 2, processes: 0 },
  },
  {
    name: "OnBehalfOfCredential",
    create: (identity, given) =>
      new identity.OnBehalfOfCredential({
        ...at(given),
        tenantId: robot.tenantId,
        clientId: robot.appId,
        clientSecret: robot.secret,
        userAssertionToken: given.userAssertion,
      }),
    cost: { requests: 2, processes: 0 },
  },
  {
    name: "UsernamePasswordCredential",
    create: (identity, given) =>
      new identity.UsernamePasswordCredential(
        alice.tenantId,
        robot.appId,
        alice.principalName,
        alice.password,
        at(given),
      ),
    cost: { requests: 2, processes: 0 },
  },
  {
    name: "WorkloadIdentityCredential",
    variables: exchange,
    create: (identity, given) => new identity.WorkloadIdentityCredential(at(given)),
    cost: { requests: 2, processes: 0 },
  },
];

/** For tests and their processes: the class and its way. */
export function titleOf({ name, way }: Row): string {
  return way === undefined ? name : `${name}, ${way}`;
}

/** What the stand takes for the application's, or gives a code for. */
export const redirectUri = "http://localhost:1/signed-in";

function at({ url }: Given) {
  return { authorityHost: url, disableInstanceDiscovery: true };
}

/** Alice's, as `authenticate()` gives it. */
function recordOf({ url }: Given): AuthenticationRecord {
  return {
    authority: `${url}/${alice.tenantId}`,
    homeAccountId: `${alice.objectId}.${alice.tenantId}`,
    tenantId: alice.tenantId,
    username: alice.principalName,
    clientId: robot.appId,
  };
}

/** As Azure's workload identity webhook sets them in a pod. */
function exchange({ url, federatedTokenFile }: Given): Readonly<Record<string, string>> {
  return {
    AZURE_AUTHORITY_HOST: url,
    AZURE_TENANT_ID: robot.tenantId,
    AZURE_CLIENT_ID: robot.appId,
    AZURE_FEDERATED_TOKEN_FILE: federatedTokenFile,
  };
}
