// A stand-in for Entra ID, Azure Resource Manager and a machine's managed identity, on loopback, with its own authority.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLoopbackCertificate } from "./certificate.ts";
import { Control } from "./control.ts";
import { type Directory, defaultDirectory, tenantNamed, type User } from "./directory.ts";
import { type Call, type Fate, listener, type Reply } from "./http.ts";
import { Ledger, type Requests } from "./ledger.ts";
import { ManagedIdentityEndpoint } from "./managed-identity.ts";
import { Mint } from "./mint.ts";
import { answerPipelines, type PipelineJob, pipelineJob } from "./pipelines.ts";
import { refusalReply, refusals } from "./refusal.ts";
import { ResourceServer } from "./resource-server.ts";
import { Signer } from "./signing.ts";
import { TokenEndpoint } from "./token-endpoint.ts";

export interface EntraOptions {
  readonly directory?: Directory;
}

export interface Entra {
  /** `https://localhost:PORT`: the authority host, the resource manager and `/api/...`. */
  readonly url: string;
  /** `http://127.0.0.1:PORT`: AZURE_POD_IDENTITY_AUTHORITY_HOST; with `/msi/token` an IDENTITY_ENDPOINT. */
  readonly machineUrl: string;
  /** PEM file of the authority that signed the certificate. */
  readonly caPath: string;
  /** The same as text, for `tlsOptions: { ca }`. */
  readonly ca: string;
  readonly directory: Directory;
  /** A job of Azure Pipelines that may act as the directory's first application. */
  readonly job: PipelineJob;
  readonly control: Control;
  requests(): Requests;
  /** Counters start again at nothing. */
  forgetRequests(): void;
  /** Types all pending device codes as this user. */
  approveDeviceCodes(user: User): void;
  /** Refuses connections, and cuts those that are open, until `restore`. */
  outage(): Promise<void>;
  restore(): Promise<void>;
  close(): Promise<void>;
}

/** Starts the stand-in on free ports of loopback. */
export async function startEntra(options: EntraOptions = {}): Promise<Entra> {
  const stand = await Stand.start(options);
  return stand.open();
}

class Stand {
  readonly #directory: Directory;
  readonly #signer: Signer;
  readonly #folder: string;
  readonly #ca: string;
  readonly #secure: Port;
  readonly #plain: Port;
  readonly #control = new Control();
  readonly #ledger = new Ledger();
  readonly #tokens: TokenEndpoint;
  readonly #resources: ResourceServer;
  readonly #machine: ManagedIdentityEndpoint;
  readonly #job: PipelineJob;

  private constructor(
    directory: Directory,
    signer: Signer,
    folder: string,
    tls: { ca: string; cert: string; key: string },
  ) {
    const [control, ledger, url] = [this.#control, this.#ledger, () => this.#url()];
    const mint = new Mint(signer, control, url);
    this.#directory = directory;
    this.#signer = signer;
    this.#folder = folder;
    this.#ca = tls.ca;
    this.#tokens = new TokenEndpoint({ directory, control, ledger, mint, signer, url });
    this.#resources = new ResourceServer(directory, signer, mint, control);
    this.#machine = new ManagedIdentityEndpoint(directory, control, ledger, mint);
    this.#job = pipelineJob(directory.servicePrincipals[0]?.appId ?? "");
    this.#secure = new Port(
      createHttpsServer(
        { cert: tls.cert, key: tls.key },
        listener((call) => this.#answer(call)),
      ),
    );
    this.#plain = new Port(createHttpServer(listener((call) => this.#answerMachine(call))));
  }

  static async start({ directory = defaultDirectory() }: EntraOptions): Promise<Stand> {
    const [tls, signer, folder] = await Promise.all([
      createLoopbackCertificate(),
      Signer.create(),
      mkdtemp(join(tmpdir(), "entra-")),
    ]);
    await writeFile(join(folder, "ca.pem"), tls.ca);
    return new Stand(directory, signer, folder, tls);
  }

  async open(): Promise<Entra> {
    await Promise.all([this.#secure.open(), this.#plain.open()]);
    return {
      url: this.#url(),
      machineUrl: `http://127.0.0.1:${this.#plain.number}`,
      caPath: join(this.#folder, "ca.pem"),
      ca: this.#ca,
      directory: this.#directory,
      job: this.#job,
      control: this.#control,
      requests: () => this.#ledger.snapshot(),
      forgetRequests: () => this.#ledger.forget(),
      approveDeviceCodes: (user) => this.#tokens.approveDeviceCodes(user),
      outage: () => this.#shut(),
      restore: async () => void (await Promise.all([this.#secure.open(), this.#plain.open()])),
      close: () => this.#close(),
    };
  }

  async #shut(): Promise<void> {
    await Promise.all([this.#secure.shut(), this.#plain.shut()]);
  }

  async #close(): Promise<void> {
    this.#control.calm();
    await this.#shut();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #url(): string {
    return `https://localhost:${this.#secure.number}`;
  }

  async #answer(call: Call): Promise<Fate> {
    const tokenTenant =
      call.method === "POST" ? /^\/([^/]+)\/oauth2(?:\/v2\.0)?\/token$/.exec(call.path)?.[1] : undefined;
    this.#ledger.visited(call.path);
    if (tokenTenant !== undefined) return this.#answerToken(call, tokenTenant);
    const fate = await this.#control.pass({
      path: call.path,
      grant: undefined,
      resource: undefined,
      clientId: undefined,
    });
    return fate ?? this.#resources.answer(call) ?? answerPipelines(this.#job, call) ?? this.#page(call);
  }

  async #answerToken(call: Call, tenant: string): Promise<Fate> {
    const subject = TokenEndpoint.subject(call);
    const fate = await this.#control.pass(subject);
    if (fate === undefined) return this.#tokens.token(call, tenant);
    const { status, aadsts } = outcomeOf(fate);
    this.#tokens.noteRefused(call, tenant, subject.grant, status, aadsts);
    return fate;
  }

  async #answerMachine(call: Call): Promise<Fate> {
    this.#ledger.visited(call.path);
    return (await this.#control.pass(ManagedIdentityEndpoint.subject(call))) ?? this.#machine.answer(call);
  }

  /** Everything without a token: metadata, keys, device codes, the sign-in page. */
  #page(call: Call): Reply {
    if (call.path === "/common/discovery/instance") return { status: 200, body: this.#instances(call) };
    if (call.path.startsWith("/common/userrealm/")) return { status: 200, body: realm(call.path) };
    if (call.path === "/device")
      return { status: 200, body: "Codes are typed by the test that runs this stand." };
    const [, tenantName = "", ...rest] = call.path.split("/");
    const known = tenantNamed(this.#directory, tenantName, this.#directory.tenants[0]?.id);
    if (known === undefined) return refusalReply(refusals.tenantNotFound(tenantName));
    switch (rest.join("/")) {
      case "v2.0/.well-known/openid-configuration":
        return { status: 200, body: this.#configuration(tenantName, known.id, "/v2.0") };
      case ".well-known/openid-configuration":
        return { status: 200, body: this.#configuration(tenantName, known.id, "") };
      case "discovery/v2.0/keys":
      case "discovery/keys":
        return { status: 200, body: this.#signer.keys() };
      case "oauth2/v2.0/devicecode":
      case "oauth2/devicecode":
        return this.#tokens.deviceCode(call);
      case "oauth2/v2.0/authorize":
      case "oauth2/authorize":
        return this.#tokens.authorize(call);
      default:
        return { status: 404, body: { error: "not_found", path: call.path } };
    }
  }

  #instances(call: Call): object {
    const host = new URL(this.#url()).host;
    const tenant =
      new URL(call.query.get("authorization_endpoint") ?? this.#url()).pathname.split("/")[1] ?? "common";
    return {
      tenant_discovery_endpoint: `${this.#url()}/${tenant}/v2.0/.well-known/openid-configuration`,
      "api-version": "1.1",
      metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
    };
  }

  #configuration(tenant: string, tenantId: string, version: "" | "/v2.0"): object {
    const base = `${this.#url()}/${tenant}`;
    return {
      issuer:
        version === "" ? `https://sts.windows.net/${tenantId}/` : `${this.#url()}/${tenantId}${version}`,
      authorization_endpoint: `${base}/oauth2${version}/authorize`,
      token_endpoint: `${base}/oauth2${version}/token`,
      device_authorization_endpoint: `${base}/oauth2${version}/devicecode`,
      end_session_endpoint: `${base}/oauth2${version}/logout`,
      jwks_uri: `${base}/discovery${version}/keys`,
      token_endpoint_auth_methods_supported: ["client_secret_post", "private_key_jwt", "client_secret_basic"],
      response_modes_supported: ["query", "fragment", "form_post"],
      response_types_supported: ["code", "id_token", "code id_token"],
      scopes_supported: ["openid", "profile", "email", "offline_access"],
      subject_types_supported: ["pairwise"],
      id_token_signing_alg_values_supported: ["RS256"],
      claims_supported: ["sub", "iss", "aud", "exp", "iat", "tid", "oid", "uti", "ver"],
      tenant_region_scope: "EU",
      cloud_instance_name: "microsoftonline.com",
    };
  }
}

/** A server that can be shut and opened again on the number that it first got. */
class Port {
  readonly #server: Server;
  #number = 0;

  constructor(server: Server) {
    this.#server = server;
  }

  get number(): number {
    return this.#number;
  }

  async open(): Promise<void> {
    if (this.#server.listening) return;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#number, "127.0.0.1", () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    this.#number = (this.#server.address() as AddressInfo).port;
  }

  async shut(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }
}

function realm(path: string): object {
  const login = path.slice("/common/userrealm/".length);
  return {
    ver: "1.0",
    account_type: "Managed",
    domain_name: login.split("@")[1] ?? "",
    cloud_instance_name: "microsoftonline.com",
  };
}

/** For the ledger: a request that got no reply has status 0. */
function outcomeOf(fate: Fate): { status: number; aadsts: number } {
  if (typeof fate === "string") return { status: 0, aadsts: 0 };
  const body = fate.body as { error_codes?: number[] } | string | undefined;
  return { status: fate.status, aadsts: typeof body === "object" ? (body.error_codes?.[0] ?? 0) : 0 };
}
