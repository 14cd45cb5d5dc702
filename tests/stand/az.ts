// The real az in a private home, logged in against the stand-in, behind a wrapper that counts its starts.
import { access, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ManagedIdentity, Principal, ServicePrincipal, User } from "./directory.ts";
import type { Entra } from "./entra.ts";
import { type Run, run } from "./run.ts";

/** One start of az by whoever found it on PATH. */
export interface AzStart {
  readonly args: readonly string[];
  readonly atUnixMs: number;
  readonly pid: number;
  /** How many az ran at that moment, this one included. */
  readonly running: number;
}

const realAz = fileURLToPath(new URL("../../target/az-venv/bin/az", import.meta.url));
const systemPath = "/usr/bin:/bin";

export class RealAz implements AsyncDisposable {
  readonly configFolder: string;
  /** What a program needs in its environment so that its `az` is this one. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #entra: Entra;
  readonly #folder: string;
  readonly #log: string;
  /** A copy of the configuration as it was before the first login. */
  readonly #pristine: string;

  private constructor(entra: Entra, folder: string) {
    this.#entra = entra;
    this.#folder = folder;
    this.#log = join(folder, "starts");
    this.#pristine = join(folder, "pristine");
    this.configFolder = join(folder, "azure");
    this.environment = {
      PATH: `${join(folder, "bin")}${delimiter}${systemPath}`,
      HOME: folder,
      AZURE_CONFIG_DIR: this.configFolder,
      REQUESTS_CA_BUNDLE: entra.caPath,
      AZURE_POD_IDENTITY_AUTHORITY_HOST: entra.machineUrl,
      AZURE_CORE_INSTANCE_DISCOVERY: "false",
      AZURE_CORE_COLLECT_TELEMETRY: "false",
      AZURE_CORE_LOGIN_EXPERIENCE_V2: "false",
    };
  }

  /** A private home whose active cloud is the stand-in; nobody is logged in. */
  static async create(entra: Entra): Promise<RealAz> {
    await access(realAz).catch(() => {
      throw new Error("target/az-venv is absent: `npm test` and `npm run demo` install az there");
    });
    const az = new RealAz(entra, await mkdtemp(join(tmpdir(), "az-")));
    await az.#installWrapper();
    await az.registerCloud("Stand", entra);
    await az.succeed("cloud", "set", "--name", "Stand");
    await cp(az.configFolder, az.#pristine, { recursive: true });
    return az;
  }

  /** Starts the real az directly, so that the harness's own runs are not counted. */
  run(...args: string[]): Promise<Run> {
    return run(realAz, args, { env: this.environment, printsTokens: printsToken(args) }).ended;
  }

  /** As `run`; a failure is thrown with az's own words. */
  async succeed(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    if (code !== 0) throw new Error(`az ${args.slice(0, 2).join(" ")} exited with ${code}: ${stderr}`);
    return stdout;
  }

  /** Logs in without logging anyone out; az makes the new account the current one. */
  async login(principal: Principal): Promise<void> {
    if (principal.kind === "user") await this.#loginUser(principal);
    else if (principal.kind === "servicePrincipal") await this.#loginApplication(principal);
    else await this.#loginMachine(principal);
  }

  async accountSet(subscription: string): Promise<void> {
    await this.succeed("account", "set", "--subscription", subscription);
  }

  /** Logs out whoever the current account is. */
  async logout(): Promise<void> {
    await this.succeed("logout");
  }

  /** Logs everyone out. */
  async clearAccounts(): Promise<void> {
    await this.succeed("account", "clear");
  }

  /** As after `create`, without a run of az: nobody is logged in, and no start is counted. */
  async reset(): Promise<void> {
    await rm(this.configFolder, { recursive: true, maxRetries: 3 });
    await cp(this.#pristine, this.configFolder, { recursive: true });
    await this.forgetStarts();
  }

  /** Starts through the wrapper so far, in order. */
  async starts(): Promise<AzStart[]> {
    const names = (await readdir(this.#log)).filter((name) => !name.startsWith("starting."));
    const starts = await Promise.all(names.map((name) => this.#start(name)));
    return starts.sort((left, right) => left.atUnixMs - right.atUnixMs);
  }

  async forgetStarts(): Promise<void> {
    await rm(this.#log, { recursive: true });
    await mkdir(this.#log);
  }

  /** Puts `environment` into this process for credentials that read `process.env`; the answer puts back what was there. */
  enter(): () => void {
    const before = Object.keys(this.environment).map((name) => [name, process.env[name]] as const);
    Object.assign(process.env, this.environment);
    return () => {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 3 });
  }

  async #start(name: string): Promise<AzStart> {
    const [, atUnixNs = "0", pid = "0"] = name.split(".");
    const parts = (await readFile(join(this.#log, name), "utf8")).split("\0");
    const running = Number(parts.pop());
    return { args: parts, atUnixMs: Number(atUnixNs) / 1e6, pid: Number(pid), running };
  }

  /** Makes the services of a stand-in a cloud that can be set. */
  async registerCloud(name: string, { url }: Entra): Promise<void> {
    const endpoints = {
      "active-directory": url,
      "resource-manager": url,
      "active-directory-resource-id": `${url}/arm`,
      management: `${url}/arm`,
      "active-directory-graph-resource-id": `${url}/graph`,
      "microsoft-graph-resource-id": `${url}/graph`,
    };
    const flags = Object.entries(endpoints).flatMap(([endpoint, value]) => [`--endpoint-${endpoint}`, value]);
    await this.succeed("cloud", "register", "--name", name, "--skip-endpoint-discovery", ...flags);
  }

  async #installWrapper(): Promise<void> {
    await mkdir(join(this.#folder, "bin"));
    await mkdir(this.#log);
    await writeFile(join(this.#folder, "bin", "az"), wrapper(this.#log), { mode: 0o755 });
  }

  async #loginUser(user: User): Promise<void> {
    const { control } = this.#entra;
    const before = control.signedIn;
    control.signedIn = user;
    try {
      await this.succeed("login", "--use-device-code");
    } finally {
      control.signedIn = before;
    }
  }

  async #loginApplication({ appId, secret, tenantId }: ServicePrincipal): Promise<void> {
    await this.succeed("login", "--service-principal", "-u", appId, "-p", secret, "--tenant", tenantId);
  }

  async #loginMachine(identity: ManagedIdentity): Promise<void> {
    const isSystemAssigned = identity === this.#entra.directory.managedIdentities[0];
    await this.succeed(
      "login",
      "--identity",
      ...(isSystemAssigned ? [] : ["--client-id", identity.clientId]),
    );
  }
}

/** Whether az prints a token for these arguments. */
export function printsToken(args: readonly string[]): boolean {
  return args.includes("get-access-token");
}

/** A lock on the start's own file lives exactly as long as the process that the wrapper becomes. Completion needs 8 and 9. */
function wrapper(log: string): string {
  return `#!/bin/sh
# Notes a start of az and how many run now, then becomes the real one.
log='${log}'
start="start.$(command -p date +%s%N).$$"
starting="$log/starting.$$"
for arg in "$@"; do printf '%s\\0' "$arg"; done > "$starting"
exec 7< "$starting"
command -p flock 7
command -p mv "$starting" "$log/$start"
# One counts at a time: a lock that is tried is held for a moment, and would count as an az that runs.
exec 6>> "$log.counting"
command -p flock 6
running=0
for other in "$log"/start.*; do
  if command -p flock --nonblock "$other" true; then
    command -p mv "$other" "$log/ended.\${other##*/start.}" 2> /dev/null
  else
    running=$((running + 1))
  fi
done
printf '%s' "$running" >> "$log/$start"
exec 6>&-
exec '${realAz}' "$@"
`;
}
