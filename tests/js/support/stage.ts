// Where the support table is proven: the stand, the tools with their logins, a store, and processes that use the credentials.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { RealAz } from "../../stand/az.ts";
import { createApplicationCertificate } from "../../stand/certificate.ts";
import { alice, robot } from "../../stand/directory.ts";
import { type Entra, startEntra } from "../../stand/entra.ts";
import { assertionOf } from "../../stand/pipelines.ts";
import { Programs } from "../../stand/programs.ts";
import { Stand as StoreStand } from "../store/stand.ts";
import type { Answer, Order } from "./credentials.subject.ts";
import { type Cost, type Given, redirectUri } from "./rows.ts";

const program = fileURLToPath(new URL("credentials.subject.ts", import.meta.url));

export class Stage implements AsyncDisposable {
  readonly #entra: Entra;
  readonly #az: RealAz;
  readonly #programs: Programs;
  readonly #store = new StoreStand();
  readonly #folder: string;
  readonly #processes = new Map<string, Subject>();

  private constructor(entra: Entra, az: RealAz, programs: Programs, folder: string) {
    this.#entra = entra;
    this.#az = az;
    this.#programs = programs;
    this.#folder = folder;
  }

  /** Everyone is logged in: the application in every tool, alice at the keyboard. */
  static async create(): Promise<Stage> {
    const entra = await startEntra();
    const az = await RealAz.create(entra);
    await az.login(robot);
    const programs = await Programs.create(entra, az.environment["HOME"] as string);
    await programs.loginAzd(robot);
    await programs.connectPowerShell(robot);
    entra.control.signedIn = alice;
    const stage = new Stage(entra, az, programs, await mkdtemp(join(tmpdir(), "support-")));
    await writeFile(stage.#file("application.pem"), await createApplicationCertificate("robot"));
    await writeFile(stage.#file("assertion"), assertionOf(robot.appId));
    return stage;
  }

  /** Of a process that uses the credentials. */
  get environment(): Record<string, string> {
    return {
      ...this.#az.environment,
      ...this.#programs.environment,
      PATH: [this.#programs.folder, this.#az.environment["PATH"]].join(delimiter),
      NODE_EXTRA_CA_CERTS: this.#entra.caPath,
      XDG_STATE_HOME: this.#store.state,
      XDG_RUNTIME_DIR: this.#store.runtime,
      AZURE_TOKEN_CACHE_VAULT: "key-file",
    };
  }

  /** The process of this name, which is started where there is none yet. */
  process(name: string): Subject {
    const running = this.#processes.get(name) ?? new Subject(this.environment);
    this.#processes.set(name, running);
    return running;
  }

  /** What credentials are made of: a code and an assertion of their own for each who asks. */
  async given(): Promise<Given> {
    return {
      url: this.#entra.url,
      machineUrl: this.#entra.machineUrl,
      job: this.#entra.job,
      certificatePath: this.#file("application.pem"),
      federatedTokenFile: this.#file("assertion"),
      authorizationCode: await this.#authorizationCode(),
      userAssertion: await this.#userAssertion(),
    };
  }

  /** What this costs, and what it answers. */
  async costOf<T>(act: () => Promise<T>): Promise<{ answer: T; cost: Cost }> {
    this.#entra.forgetRequests();
    await this.#programs.forgetStarts();
    await this.#az.forgetStarts();
    const answer = await act();
    const [programs, az] = [await this.#programs.starts(), await this.#az.starts()];
    const cost = { requests: this.#entra.requests().total, processes: programs.length + az.length };
    return { answer, cost };
  }

  /** As `costOf`, of so many calls at once that each wait for all others wherever they reach the stand. */
  async costInStep<T>(calls: number, act: () => Promise<T>): Promise<{ answer: T; cost: Cost }> {
    const done = this.#entra.control.inStep(calls);
    try {
      return await this.costOf(act);
    } finally {
      done();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.#processes.values()) await running.end();
    this.#store[Symbol.dispose]();
    await this.#programs[Symbol.asyncDispose]();
    await this.#az[Symbol.asyncDispose]();
    await this.#entra.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }

  async #authorizationCode(): Promise<string> {
    const query = new URLSearchParams({
      client_id: robot.appId,
      redirect_uri: redirectUri,
      response_type: "code",
      scope: "openid",
    });
    const { location } = await this.#ask("GET", `/${alice.tenantId}/oauth2/v2.0/authorize?${query}`);
    return new URL(location ?? "").searchParams.get("code") ?? "";
  }

  async #userAssertion(): Promise<string> {
    const form = {
      grant_type: "password",
      client_id: robot.appId,
      username: alice.principalName,
      password: alice.password,
      scope: `api://${robot.appId}/.default`,
    };
    const { text } = await this.#ask("POST", `/${alice.tenantId}/oauth2/v2.0/token`, form);
    return (JSON.parse(text) as { access_token: string }).access_token;
  }

  #ask(
    method: string,
    path: string,
    form: Record<string, string> = {},
  ): Promise<{ location: string | undefined; text: string }> {
    const { url, ca } = this.#entra;
    return new Promise((resolve, reject) => {
      const outgoing = request(`${url}${path}`, { method, ca }, async (response) => {
        let text = "";
        for await (const part of response.setEncoding("utf8")) text += part;
        resolve({ location: response.headers.location, text });
      });
      outgoing.once("error", reject);
      outgoing.end(new URLSearchParams(form).toString());
    });
  }
}

/** A process that uses credentials as it is told. */
export class Subject {
  readonly #child: ChildProcess;

  constructor(env: Record<string, string>) {
    const stdio = ["ignore", "inherit", "inherit", "ipc"] as const;
    this.#child = spawn(process.execPath, ["--import", "tsx", program], { env, stdio: [...stdio] });
  }

  async obey(order: Order): Promise<Answer> {
    const ended = new AbortController();
    const { signal } = ended;
    this.#child.send(order);
    try {
      return await Promise.race([
        once(this.#child, "message", { signal }).then(([answer]) => answer as Answer),
        once(this.#child, "exit", { signal }).then(([code]): never => {
          throw new Error(`the process of the credentials ended with ${code}`);
        }),
      ]);
    } finally {
      ended.abort();
    }
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    // Whatever it waits for: a test that failed leaves calls behind.
    this.#child.kill();
    await ended;
  }
}
