// Several hundred configurations of credentials that are different identities, made to be mistaken for one another.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as identity from "@azure/identity";
import { partitionOf } from "../../../node/ts/partition/partition.ts";
import type { Identity } from "../identity/copies.ts";
import type { Asked } from "./keys.ts";

export interface Configuration {
  /** What it is, for a person. */
  readonly name: string;
  /** Of what no byte may stand in a key. */
  readonly secrets: readonly string[];
  make(identity: Identity): object;
  readonly asked?: Asked;
}

/** Shifted boundaries, empty ends, separators, what looks like a length, and characters that look alike. */
const texts = [
  "a",
  "ab",
  "abc",
  "b",
  "bc",
  "c",
  "a b",
  "a,b",
  "a|b",
  'a","b',
  "a\0b",
  "a\n",
  "\0\0\0\x01a",
  "a\0\0\0\x01b",
  "client",
  "secret",
  "\u00e9",
  "e\u0301",
  "\u{1f600}",
  "\ufffd",
  "undefined",
  "null",
];

const tenants = ["a", "ab", "b", "11111111-1111-1111-1111-111111111111"];
const hosts = [
  "https://login.microsoftonline.com",
  "https://login.microsoftonline.us",
  "https://127.0.0.1:1/x",
];

/** All of them; `folder` is where their files are. */
export function configurations(folder: string): Configuration[] {
  const file = fileIn(folder);
  return [
    ...clientSecrets(),
    ...certificates(file),
    ...assertions(),
    ...onBehalfOf(file),
    ...usersAndPasswords(),
    ...authorizationCodes(),
    ...workloads(),
    ...pipelines(),
    ...signedIn(),
    ...chains(),
    ...partitions(),
    ...mimics(),
    ...requests(),
  ];
}

/** A folder for the time of `work`, and a home in which nobody is logged in to anything. */
export function withFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "partition-"));
  const { HOME, AZURE_CONFIG_DIR } = process.env;
  process.env["HOME"] = folder;
  delete process.env["AZURE_CONFIG_DIR"];
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    Object.assign(process.env, { HOME }, AZURE_CONFIG_DIR !== undefined && { AZURE_CONFIG_DIR });
  }
}

function fileIn(folder: string): (content: string) => string {
  let files = 0;
  return (content) => {
    files += 1;
    const path = join(folder, `${files}.pem`);
    writeFileSync(path, content);
    return path;
  };
}

/** Long enough not to stand in a key by chance. */
const secretOf = (text: string) => `${text}-s3cret-${text}`;

function* clientSecrets(): Generator<Configuration> {
  const make =
    (tenant: string, client: string, secret: string, authorityHost?: string, allowed?: string[]) =>
    (identity: Identity) =>
      new identity.ClientSecretCredential(tenant, client, secret, {
        ...(authorityHost !== undefined && { authorityHost }),
        ...(allowed !== undefined && { additionallyAllowedTenants: allowed }),
      });
  for (const tenant of tenants)
    for (const client of ["a", "ab", "b", "bc"])
      for (const text of ["a", "ab", "bc", "c"]) {
        const secret = secretOf(text);
        yield {
          name: `secret ${tenant} ${client} ${text}`,
          secrets: [secret],
          make: make(tenant, client, secret),
        };
      }
  for (const client of texts)
    yield { name: `secret client ${client}`, secrets: [], make: make("t", client, "s") };
  for (const text of texts) {
    const secret = secretOf(text);
    yield { name: `secret ${text}`, secrets: [secret], make: make("t", "t", secret) };
  }
  for (const host of hosts.slice(1))
    yield { name: `secret ${host}`, secrets: [], make: make("a", "a", secretOf("a"), host) };
  for (const allowed of [["*"], ["b"], ["b", "c"], ["b,c"]])
    yield {
      name: `secret for ${allowed}`,
      secrets: [],
      make: make("a", "a", secretOf("a"), undefined, allowed),
    };
}

function* certificates(file: (content: string) => string): Generator<Configuration> {
  for (const text of texts.slice(0, 12)) {
    const [content, password] = [secretOf(text), `${secretOf(text)}-password`];
    const secrets = [content, password];
    const given = { certificate: content };
    yield { name: `certificate ${text}`, secrets, make: certificate(given) };
    yield {
      name: `certificate ${text}, password`,
      secrets,
      make: certificate({ ...given, certificatePassword: password }),
    };
    const path = file(`${content} in a file`);
    yield { name: `certificate file ${text}`, secrets, make: certificate({ certificatePath: path }) };
  }
}

function certificate(configuration: object) {
  return (identity: Identity) =>
    new identity.ClientCertificateCredential("a", "a", configuration as { certificate: string });
}

function* assertions(): Generator<Configuration> {
  for (const tenant of tenants)
    for (const client of ["a", "ab", "b", "bc", "\u00e9", "e\u0301"])
      yield {
        name: `assertion ${tenant} ${client}`,
        secrets: [],
        make: (identity) =>
          new identity.ClientAssertionCredential(tenant, client, async () => "an assertion"),
      };
}

function* onBehalfOf(file: (content: string) => string): Generator<Configuration> {
  for (const user of ["a", "ab", "b", "bc", "c"])
    for (const proof of ["a", "ab", "b", "bc"]) {
      const [userAssertionToken, clientSecret] = [secretOf(user), secretOf(proof)];
      const certificatePath = file(clientSecret);
      const secrets = [userAssertionToken, clientSecret];
      const about = { tenantId: "a", clientId: "a", userAssertionToken };
      yield {
        name: `on behalf of ${user} by secret ${proof}`,
        secrets,
        make: (identity) => new identity.OnBehalfOfCredential({ ...about, clientSecret }),
      };
      yield {
        name: `on behalf of ${user} by certificate ${proof}`,
        secrets,
        make: (identity) => new identity.OnBehalfOfCredential({ ...about, certificatePath }),
      };
    }
  for (const user of ["a", "ab", "b"])
    yield {
      name: `on behalf of ${user} by assertion`,
      secrets: [secretOf(user)],
      make: (identity) =>
        new identity.OnBehalfOfCredential({
          tenantId: "a",
          clientId: "a",
          userAssertionToken: secretOf(user),
          getAssertion: async () => "an assertion",
        }),
    };
}

function* usersAndPasswords(): Generator<Configuration> {
  for (const user of texts)
    for (const text of ["a", "b"]) {
      const password = secretOf(text);
      yield {
        name: `user ${user} password ${text}`,
        secrets: [password],
        make: (identity) => new identity.UsernamePasswordCredential("a", "a", user, password),
      };
    }
}

function* authorizationCodes(): Generator<Configuration> {
  for (const text of ["a", "ab", "b", "bc"])
    for (const proof of ["a", "b", "c"]) {
      const [code, secret] = [secretOf(text), secretOf(proof)];
      yield {
        name: `code ${text} secret ${proof}`,
        secrets: [code, secret],
        make: (identity) =>
          new identity.AuthorizationCodeCredential("a", "a", secret, code, "http://localhost"),
      };
    }
  for (const text of ["a", "ab", "b"])
    yield {
      name: `code ${text} without a secret`,
      secrets: [secretOf(text)],
      make: (identity) =>
        new identity.AuthorizationCodeCredential("a", "a", secretOf(text), "http://localhost"),
    };
}

function* workloads(): Generator<Configuration> {
  for (const tenantId of tenants)
    for (const clientId of ["a", "ab", "b"])
      for (const tokenFilePath of ["/a", "/b", "/a/b"])
        yield {
          name: `workload ${tenantId} ${clientId} ${tokenFilePath}`,
          secrets: [],
          make: (identity) => new identity.WorkloadIdentityCredential({ tenantId, clientId, tokenFilePath }),
        };
}

function* pipelines(): Generator<Configuration> {
  for (const client of ["a", "ab", "b"])
    for (const connection of ["a", "ab", "b", "a&serviceConnectionId=b", "b&serviceConnectionId=a"])
      yield {
        name: `pipelines ${client} ${connection}`,
        secrets: ["a-system-access-token"],
        make: (identity) => {
          process.env["SYSTEM_OIDCREQUESTURI"] = "https://dev.azure.com/plan/job";
          return new identity.AzurePipelinesCredential("a", client, connection, "a-system-access-token");
        },
      };
}

function* signedIn(): Generator<Configuration> {
  for (const account of ["a.a", "b.a", "a.b", "a.\u00e9", "a.e\u0301"])
    for (const clientId of ["a", "b"]) {
      const authenticationRecord = {
        authority: "login.microsoftonline.com",
        homeAccountId: account,
        clientId,
        tenantId: "a",
        username: "ann",
      };
      const options = { tenantId: "a", clientId, authenticationRecord };
      yield {
        name: `device code ${account} ${clientId}`,
        secrets: [],
        make: (identity) => new identity.DeviceCodeCredential(options),
      };
      yield {
        name: `browser ${account} ${clientId}`,
        secrets: [],
        make: (identity) => new identity.InteractiveBrowserCredential(options),
      };
    }
}

/** The same parts in another order, one more, one less, and nested, are other identities: another one may answer. */
function* chains(): Generator<Configuration> {
  const part = (identity: Identity, client: string) =>
    new identity.ClientSecretCredential("a", client, secretOf("a"));
  const shapes = ["a", "ab", "aab", "aba", "ba", "b", "(a)", "(a)b", "(ab)", "a(b)", "((ab))"];
  for (const shape of shapes)
    yield {
      name: `chain ${shape}`,
      secrets: [secretOf("a")],
      make: (identity) => chained(identity, shape, (client) => part(identity, client)),
    };
}

function chained(identity: Identity, shape: string, part: (client: string) => object): object {
  const stack: object[][] = [[]];
  const chain = (parts: object[]) => new identity.ChainedTokenCredential(...(parts as never[]));
  for (const sign of shape) {
    if (sign === "(") stack.push([]);
    else if (sign === ")") {
      const inner = stack.pop() as object[];
      stack.at(-1)?.push(chain(inner));
    } else stack.at(-1)?.push(part(sign));
  }
  return chain(stack[0] as object[]);
}

/** What a program names: it may look like anything, also like what is told of another credential. */
function* partitions(): Generator<Configuration> {
  for (const partition of [...texts, ...lookAlikes()])
    for (const kind of ["secret", "own"] as const)
      yield {
        name: `${kind} with partition ${JSON.stringify(partition)}`,
        secrets: [],
        make: (identity) =>
          kind === "secret"
            ? new identity.ClientSecretCredential("a", "a", "a")
            : { getToken: async () => null },
        asked: { partition },
      };
}

function lookAlikes(): string[] {
  const parts = ["identity 1", "ClientSecretCredential", "client", "a"];
  const joined = parts.map((part) => `\0\0\0${String.fromCharCode(part.length)}${part}`).join("");
  return [joined, `told${joined}`, parts.join("")];
}

/** The very bytes that are told of a credential without secrets. */
function* mimics(): Generator<Configuration> {
  for (const client of ["a", "b"]) {
    const make = (identity: Identity) =>
      new identity.WorkloadIdentityCredential({ tenantId: "m", clientId: client, tokenFilePath: "/m" });
    const told = partitionOf(make(identity));
    if (!("partition" in told)) throw new Error(told.untold.why);
    const partition = new TextDecoder("utf-8", { fatal: true }).decode(told.partition);
    yield { name: `workload ${client}`, secrets: [], make };
    yield {
      name: `workload ${client} that names what is told of it`,
      secrets: [],
      make,
      asked: { partition },
    };
  }
}

/** What is asked for, beside the identity. */
function* requests(): Generator<Configuration> {
  const asked: Asked[] = [
    { scopes: ["s", "t"] },
    { scopes: ["st"] },
    { scopes: ["s", ""] },
    { scopes: ["t"] },
    { tenantId: "a" },
    { tenantId: "" },
    { tenantId: "cae" },
    { cae: true },
    { tenantId: "a", cae: true },
    { scopes: ["s", "t"], cae: true },
  ];
  for (const one of asked)
    yield {
      name: `asked for ${JSON.stringify(one)}`,
      secrets: [],
      make: (identity) => new identity.ClientSecretCredential("a", "a", secretOf("a")),
      asked: one,
    };
}
