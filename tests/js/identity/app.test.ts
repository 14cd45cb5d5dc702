// A program that was bundled and minified, with every copy of everything in it: the account switches, and the next call
// has the other account's token.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { fakeToken } from "../../leaks/search.mjs";
import { untilNextLook } from "../../stand/next-look.ts";
import { profileOf } from "./stand-in.ts";

const source = fileURLToPath(new URL("app.source.ts", import.meta.url));

/** az as far as these programs need it: the token that lies in its folder, and a line for each start. */
const fakeAz = `#!/bin/sh
echo started >> "$AZURE_CONFIG_DIR/starts"
read -r token < "$AZURE_CONFIG_DIR/token"
printf '{"accessToken":"%s","expires_on":%s,"tokenType":"Bearer"}' "$token" $(($(date +%s) + 3600))
`;

class App implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "app-"));
  readonly #azure = join(this.#folder, "azure");
  #end: () => Promise<void> = async () => {};
  #answers: AsyncIterator<string> | undefined;
  #write: (line: string) => void = () => {};

  async start(format: "esm" | "cjs"): Promise<void> {
    mkdirSync(this.#azure);
    mkdirSync(join(this.#folder, "bin"));
    writeFileSync(join(this.#folder, "bin", "az"), fakeAz);
    chmodSync(join(this.#folder, "bin", "az"), 0o755);
    const child = spawn(process.execPath, [await this.#bundle(format)], {
      env: {
        PATH: `${join(this.#folder, "bin")}:/usr/bin:/bin`,
        HOME: this.#folder,
        AZURE_CONFIG_DIR: this.#azure,
        AZURE_TOKEN_CREDENTIALS: "AzureCliCredential",
      },
      stdio: ["pipe", "pipe", "inherit"],
    });
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    this.#write = (line) => child.stdin.write(`${line}\n`);
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#end = () => {
      child.stdin.end();
      return exited;
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  logIn(user: string): void {
    writeFileSync(join(this.#azure, "token"), `${fakeToken(user)}\n`);
    writeFileSync(join(this.#azure, "azureProfile.json"), profileOf(user));
  }

  /** The different tokens that twenty calls of this credential get. */
  async ask(credential: string): Promise<string> {
    this.#write(credential);
    const { value, done } = (await this.#answers?.next()) ?? { done: true };
    assert.ok(!done, "the program ended");
    return value;
  }

  takeStarts(): number {
    const path = join(this.#azure, "starts");
    const starts = readFileSync(path, "utf8").split("\n").length - 1;
    writeFileSync(path, "");
    return starts;
  }

  async #bundle(format: "esm" | "cjs"): Promise<string> {
    const outfile = join(this.#folder, format === "esm" ? "app.mjs" : "app.cjs");
    await build({
      entryPoints: [source],
      bundle: true,
      minify: true,
      platform: "node",
      outfile,
      logLevel: "error",
      format,
      // What is left of CommonJS in an ES module asks for it.
      ...(format === "esm"
        ? { banner: { js: 'import{createRequire as r}from"node:module";var require=r(import.meta.url);' } }
        : {}),
    });
    return outfile;
  }
}

for (const format of ["esm", "cjs"] as const) {
  test(`a minified ${format} program follows az's account`, { timeout: 120_000 }, async () => {
    await using app = new App();
    await app.start(format);
    for (const credential of ["identity", "chain", "default", "own", "told"]) {
      for (const user of ["ann", "ben", "ann"]) {
        untilNextLook();
        app.logIn(user);
        assert.equal(await app.ask(credential), fakeToken(user), credential);
        assert.equal(app.takeStarts(), 1, `${credential}: starts of az`);
        assert.equal(await app.ask(credential), fakeToken(user));
        assert.equal(app.takeStarts(), 0);
      }
    }
  });
}
