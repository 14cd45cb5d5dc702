// The package as a user has it: packed, and installed in a folder outside the checkout, with no Rust to be found.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { assertNoToken } from "../../leaks/search.mjs";
import { type Run, run } from "../../stand/run.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

export class PackedPackage implements Disposable {
  /** A project with the package among its modules, and the programs of tests/runtimes. */
  readonly folder: string;
  readonly #tools: string;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "packed-"));
    this.#tools = join(this.folder, "tools");
    mkdirSync(this.#tools);
    for (const tool of ["node", "npm", "npx"]) symlinkSync(found(tool), join(this.#tools, tool));
    writeFileSync(
      join(this.folder, "package.json"),
      '{ "name": "user", "private": true, "type": "module" }\n',
    );
    cpSync(join(root, "tests/runtimes"), this.folder, { recursive: true });
    const [tarball] = readdirAfter(this.folder, () =>
      succeed("npm", ["pack", "--ignore-scripts", "--pack-destination", this.folder], {
        cwd: root,
        env: process.env,
      }),
    );
    assert.ok(tarball?.endsWith(".tgz"), "npm pack wrote a tarball");
    this.run("npm", ["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", `./${tarball}`]);
  }

  /** Standard output of a program in the project; throws with its errors unless it exits with 0. */
  run(program: string, args: readonly string[]): string {
    return succeed(program, args, { cwd: this.folder, env: this.environment });
  }

  /** A command of the package, as a user of the project types it. */
  npx(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Run> {
    const own = { PATH: `${this.#tools}${delimiter}${env["PATH"]}`, NPM_CONFIG_UPDATE_NOTIFIER: "false" };
    return run("npx", ["--offline", ...args], {
      cwd: this.folder,
      env: { ...env, ...own },
      printsTokens: true,
    }).ended;
  }

  /** PATH holds Node and npm, and nothing else. */
  get environment(): Record<string, string> {
    return { PATH: this.#tools, HOME: this.folder, NO_COLOR: "1" };
  }

  /** Makes a package of the checkout one of the project's. */
  link(name: string, as = name): void {
    const path = join(this.folder, "node_modules", as);
    mkdirSync(join(path, ".."), { recursive: true });
    if (!existsSync(path)) symlinkSync(join(root, "node_modules", name), path);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A file of an npm package of the checkout. */
export function binary(path: string): string {
  const file = join(root, "node_modules", path);
  assert.ok(existsSync(file), `${file} is absent: run npm ci`);
  return file;
}

function succeed(
  program: string,
  args: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv },
): string {
  const result = spawnSync(program, args, { ...options, encoding: "utf8" });
  assert.equal(
    result.status,
    0,
    `${program} ${args.join(" ")}: ${result.error?.message ?? ""}${result.stderr}${result.stdout}`,
  );
  assertNoToken(result.stderr, `standard error of ${program} ${args.join(" ")}`);
  return result.stdout;
}

function readdirAfter(folder: string, change: () => void): string[] {
  const before = new Set(readdirSync(folder));
  change();
  return readdirSync(folder).filter((name) => !before.has(name));
}

function found(tool: string): string {
  const folder = (process.env["PATH"] ?? "").split(delimiter).find((path) => existsSync(join(path, tool)));
  assert.ok(folder, `${tool} is not on PATH`);
  return join(folder, tool);
}
