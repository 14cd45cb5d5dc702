// Programs that know nothing of a cache, each in a folder with an az of its own, run with azure-token-cache/register.
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fakeToken } from "../../leaks/search.mjs";
import { run } from "../../stand/run.ts";
import { profileOf } from "../identity/stand-in.ts";

/** The copies of @azure/identity that are installed: the newest runs on Node 22 and later. */
export const packages =
  Number(process.versions.node.split(".")[0]) >= 22
    ? ["@azure/identity", "identity-newest"]
    : ["@azure/identity"];

/** What az grants to this person. */
export const tokenOf = (user: string) => fakeToken(`of-${user}`);

export const limits = { timeout: 120_000 };
export const register = ["--import", "azure-token-cache/register"];

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** 22.15.0, the first that has hooks in the program's thread. */
export const nodeWithUnsoundHooks = join(root, "node_modules", "node-22-15", "bin", "node");

/** What programs that are started one after the other share. */
export interface RunOptions {
  /** Default: the one that runs the tests. */
  readonly node?: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Run {
  /** What the program printed, as JSON. */
  readonly printed: unknown;
  readonly stderr: string;
}

/** az as far as these programs need it: a line for each start, then the token in its folder, or a failure without one. */
const az = `#!/bin/sh
echo started >> "$AZURE_CONFIG_DIR/starts"
read -r token < "$AZURE_CONFIG_DIR/token" || exit 1
printf '{"accessToken":"%s","expires_on":%s,"tokenType":"Bearer"}' "$token" $(($(date +%s) + 3600))
`;

export class Stage implements Disposable {
  /** Below this package: programs find it, and @azure/identity, by name. */
  readonly folder: string;
  readonly azure: string;
  /** For a key: a runtime folder on a disk is refused. */
  readonly #runtime = mkdtempSync(join("/dev/shm", "register-"));
  readonly #home = mkdtempSync(join(tmpdir(), "register-"));

  constructor() {
    const folders = join(root, "target", "register");
    mkdirSync(folders, { recursive: true });
    this.folder = mkdtempSync(join(folders, "app-"));
    this.azure = join(this.#home, "azure");
    mkdirSync(join(this.#home, "bin"));
    mkdirSync(this.azure);
    this.write(join(this.#home, "bin", "az"), az);
    chmodSync(join(this.#home, "bin", "az"), 0o755);
    this.logIn("ann");
  }

  [Symbol.dispose](): void {
    for (const folder of [this.folder, this.#home, this.#runtime])
      rmSync(folder, { recursive: true, force: true });
  }

  logIn(user: string): void {
    writeFileSync(join(this.azure, "token"), `${tokenOf(user)}\n`);
    writeFileSync(join(this.azure, "azureProfile.json"), profileOf(user));
  }

  /** A file below the program's folder, or by its full path. */
  write(name: string, text: string): string {
    const path = name.startsWith("/") ? name : join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  /** A copy of @azure/identity at `at`, and under another name in node_modules. */
  copyIdentity(at: string, name: string): string {
    const from = join(root, "node_modules", "@azure", "identity");
    const to = join(this.folder, at);
    for (const part of ["package.json", "dist/esm", "dist/commonjs"])
      cpSync(join(from, part), join(to, part), { recursive: true });
    mkdirSync(join(this.folder, "node_modules"), { recursive: true });
    symlinkSync(to, join(this.folder, "node_modules", name));
    return to;
  }

  /** These files of the built package, elsewhere. */
  copyPackage(files: readonly string[]): string {
    const to = join(this.folder, "another-copy");
    for (const file of files) cpSync(join(root, "dist", file), join(to, file));
    return to;
  }

  /** Runs a program that prints JSON, to its end. */
  async run(
    name: string,
    source: string,
    { node = process.execPath, flags = register, env = {} }: RunOptions = {},
  ): Promise<Run> {
    const path = this.write(name, source);
    const { code, stdout, stderr } = await run(node, [...flags, path], {
      cwd: this.folder,
      env: { ...this.environment, ...env },
      printsTokens: true,
    }).ended;
    if (code !== 0) throw new Error(`${name} ended with ${code}: ${stderr}`);
    return { printed: JSON.parse(stdout), stderr };
  }

  get environment(): Record<string, string> {
    return {
      PATH: `${join(this.#home, "bin")}:/usr/bin:/bin`,
      HOME: this.#home,
      AZURE_CONFIG_DIR: this.azure,
      AZURE_TOKEN_CREDENTIALS: "AzureCliCredential",
      XDG_STATE_HOME: this.#home,
      XDG_RUNTIME_DIR: this.#runtime,
      AZURE_TOKEN_CACHE_VAULT: "key-file",
    };
  }
}

/** For the programs: how often az was started, who is logged in, and tokens. */
export const helpers = `
const { readFileSync, writeFileSync, existsSync } = process.getBuiltinModule("node:fs");
const scope = "https://vault.azure.net/.default";
const folder = process.env.AZURE_CONFIG_DIR;
const starts = () => existsSync(folder + "/starts") ? readFileSync(folder + "/starts", "utf8").split("\\n").length - 1 : 0;
const tokenOf = async (credential, ...rest) => (await credential.getToken(scope, ...rest))?.token;
const print = (value) => console.log(JSON.stringify(value));
`;
