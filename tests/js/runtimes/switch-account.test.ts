// An application bundled and minified with @azure/identity and this package: az changes its account, the next call has the new one's token.
import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { after, before, test } from "node:test";
import { build } from "esbuild";
import { fakeToken } from "../../leaks/search.mjs";
import { untilNextLook } from "../../stand/next-look.ts";
import { binary, PackedPackage } from "./packed.ts";
import { PretendedAz } from "./pretended-az.ts";

/** Each Node with the newest @azure/identity that it runs. */
const programs = [
  { major: 20, identity: "@azure/identity" },
  { major: 24, identity: "identity-newest" },
];
const limits = { timeout: 60_000 };

let packed: PackedPackage;
before(() => {
  packed = new PackedPackage();
});
after(() => packed[Symbol.dispose]());

for (const { major, identity } of programs)
  for (const format of ["esm", "cjs"] as const)
    for (const addon of ["on", "off"])
      test(`Node ${major}, ${identity}, ${format}, addon ${addon}`, limits, async () => {
        const outfile = `switch-${major}-${format}.${format === "esm" ? "mjs" : "cjs"}`;
        await bundle(outfile, format, identity);
        const az = new PretendedAz(join(packed.folder, `${outfile}-${addon}`));
        az.logIn("alice");
        await using application = new Application(outfile, major, { ...az.environment, ATC_ADDON: addon });
        assert.equal(await application.ask(), `${fakeToken("of-alice")}, 1 fetched`);
        assert.equal(await application.ask(), `${fakeToken("of-alice")}, 1 fetched`);
        untilNextLook();
        az.logIn("bobby");
        assert.equal(await application.ask(), `${fakeToken("of-bobby")}, 2 fetched`);
        assert.equal(await application.ask(), `${fakeToken("of-bobby")}, 2 fetched`);
      });

/** The program of tests/runtimes, in one file. */
async function bundle(outfile: string, format: "esm" | "cjs", identity: string): Promise<void> {
  const require =
    "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
  await build({
    entryPoints: ["switch-account.mjs"],
    outfile,
    absWorkingDir: packed.folder,
    bundle: true,
    minify: true,
    platform: "node",
    format,
    alias: { "@azure/identity": join(binary(identity), "dist/esm/index.js") },
    // What CommonJS among the dependencies asks of an ES module.
    ...(format === "esm" && { banner: { js: require } }),
    logLevel: "silent",
  });
}

/** The bundled program, running. */
class Application implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;

  constructor(file: string, major: number, environment: Record<string, string>) {
    this.#child = spawn(binary(`node-${major}/bin/node`), [file], {
      cwd: packed.folder,
      env: environment,
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#lines = createInterface(this.#child.stdout);
    this.#child.once("exit", (code) => this.#lines.emit("line", `ended with ${code}`));
  }

  async ask(): Promise<string> {
    const answered = once(this.#lines, "line");
    this.#child.stdin.write("ask\n");
    const [line] = await answered;
    return line;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill();
    await ended;
  }
}
