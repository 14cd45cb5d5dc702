// azd, PowerShell and a browser for a program's PATH and $BROWSER: they stand in for tools that cannot be had here, and each
// start is noted.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ServicePrincipal } from "./directory.ts";
import type { Entra } from "./entra.ts";

const names = ["azd", "pwsh", "browser"] as const;
export type ProgramName = (typeof names)[number];

export class Programs implements AsyncDisposable {
  /** For PATH. */
  readonly folder: string;
  /** What a program needs in its environment, beside PATH, to find them and their logins. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #entra: Entra;
  readonly #root: string;
  readonly #home: string;
  readonly #log: string;

  private constructor(entra: Entra, root: string, home: string) {
    this.#entra = entra;
    this.#root = root;
    this.#home = home;
    this.#log = join(root, "starts");
    this.folder = join(root, "bin");
    this.environment = { AZD_CONFIG_DIR: join(root, "azd"), BROWSER: join(this.folder, "browser") };
  }

  /** `home` is the HOME of the programs that start them: PowerShell's login is below it. Nobody is logged in. */
  static async create(entra: Entra, home: string): Promise<Programs> {
    const programs = new Programs(entra, await mkdtemp(join(tmpdir(), "programs-")), home);
    await mkdir(programs.folder);
    await writeFile(programs.#log, "");
    for (const name of names)
      await writeFile(join(programs.folder, name), programs.#wrapper(name), { mode: 0o755 });
    return programs;
  }

  /** `azd auth login` as an application. */
  async loginAzd({ appId, secret, tenantId }: ServicePrincipal): Promise<void> {
    const folder = this.environment["AZD_CONFIG_DIR"] as string;
    await mkdir(join(folder, "auth"), { recursive: true });
    const proof = { authority: this.#entra.url, secret };
    await writeFile(join(folder, "auth", `${appId}.json`), JSON.stringify(proof));
    const account = { currentUser: { clientId: appId, tenantId } };
    await writeFile(join(folder, "auth.json"), JSON.stringify({ auth: { account } }));
  }

  /** `azd auth logout`. */
  async logoutAzd(): Promise<void> {
    await rm(this.environment["AZD_CONFIG_DIR"] as string, { recursive: true, force: true });
  }

  /** `Connect-AzAccount` as an application. */
  async connectPowerShell({ appId, secret, tenantId }: ServicePrincipal): Promise<void> {
    await mkdir(join(this.#home, ".Azure"), { recursive: true });
    const context = {
      Account: {
        Id: appId,
        Type: "ServicePrincipal",
        ExtendedProperties: { ServicePrincipalSecret: secret },
      },
      Tenant: { Id: tenantId },
      Environment: { Name: "Stand", ActiveDirectoryAuthority: this.#entra.url },
    };
    const file = { DefaultContextKey: "Default", Contexts: { Default: context } };
    await writeFile(this.#powerShellContext(), JSON.stringify(file));
  }

  /** `Disconnect-AzAccount`. */
  async disconnectPowerShell(): Promise<void> {
    await rm(this.#powerShellContext(), { force: true });
  }

  /** Starts so far. */
  async starts(): Promise<ProgramName[]> {
    return (await readFile(this.#log, "utf8")).split("\n").filter((line) => line !== "") as ProgramName[];
  }

  async forgetStarts(): Promise<void> {
    await writeFile(this.#log, "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#root, { recursive: true, force: true });
  }

  #powerShellContext(): string {
    return join(this.#home, ".Azure", "AzureRmContext.json");
  }

  #wrapper(name: ProgramName): string {
    const program = fileURLToPath(new URL(`programs/${name}.mjs`, import.meta.url));
    return `#!/bin/sh
echo ${name} >> '${this.#log}'
NODE_EXTRA_CA_CERTS='${this.#entra.caPath}' exec '${process.execPath}' '${program}' "$@"
`;
  }
}
