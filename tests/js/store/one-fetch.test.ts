// Programs that share a store share az's runs: one for all of them, as long as the login lasts and not longer.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { canaryMark, findLeaksIn } from "../../leaks/search.mjs";
import { Stand as Login, profileOf } from "../identity/stand-in.ts";
import { Stand } from "./stand.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const subject = fileURLToPath(new URL("credential.subject.mjs", import.meta.url));
const counter = new URL("compilations.subject.mjs", import.meta.url).href;
const scope = "https://management.azure.com/.default";

/** A login, a store, and an az that leaves a note at each start. */
class Stage implements Disposable {
  readonly login: Login;
  readonly stand = new Stand();
  readonly #folder: string;

  constructor(login: Login) {
    this.login = login;
    this.logIn("ann");
    this.#folder = join(login.home, "bin");
    for (const notes of ["starts", "asking"]) mkdirSync(join(this.#folder, notes), { recursive: true });
    this.az(`cat <<END
{ "accessToken": "${canaryMark}-$$", "expires_on": $(($(date +%s) + 3600)), "tokenType": "Bearer" }
END`);
  }

  /** As az does it: the profile, and the secrets. */
  logIn(user: string): void {
    this.login.write(profileOf(user));
    this.login.write(JSON.stringify({ user }), "msal_token_cache.json");
  }

  az(body: string): void {
    const note = `: > "$(mktemp '${this.#folder}/starts/XXXXXXXX')"`;
    writeFileSync(join(this.#folder, "az"), `#!/bin/sh\n${note}\n${body}\n`, { mode: 0o755 });
  }

  /** How often az was started. */
  get starts(): number {
    return this.#count("starts");
  }

  /** So many programs have begun to ask. */
  async areAsking(programs: number): Promise<void> {
    while (this.#count("asking") < programs) await setTimeout(10);
  }

  /** Lets an az go on that waits for it. */
  go(): void {
    writeFileSync(this.going, "");
  }

  get going(): string {
    return join(this.#folder, "going");
  }

  #count(notes: string): number {
    return readdirSync(join(this.#folder, notes)).length;
  }

  /** What a program prints that asks for these. */
  run(...scopes: string[]): Promise<string[]> {
    return this.runWith([], ...scopes);
  }

  /** The same, of a program that Node starts with these flags. */
  async runWith(flags: readonly string[], ...scopes: string[]): Promise<string[]> {
    const environment = {
      ...this.stand.environment,
      PATH: `${this.#folder}:${process.env["PATH"]}`,
      AZURE_CONFIG_DIR: this.login.folder,
      HOME: this.login.home,
      ASKING: join(this.#folder, "asking"),
    };
    const args = [...flags, subject, ...scopes];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
      cwd: root,
      env: environment,
    });
    assert.equal(stderr, "");
    return stdout.trimEnd().split("\n");
  }

  [Symbol.dispose](): void {
    this.stand[Symbol.dispose]();
  }
}

function stageTest(name: string, body: (stage: Stage) => Promise<void>): void {
  test(name, { timeout: 120_000 }, async (context) => {
    using login = new Login(context, "addon");
    using stage = new Stage(login);
    await body(stage);
  });
}

stageTest("programs at once and one after the other run az once", async (stage) => {
  const first = await Promise.all(Array.from({ length: 6 }, () => stage.run(scope)));
  const tokens = [...new Set(first.flat())];
  assert.equal(tokens.length, 1);
  assert.match(String(tokens[0]), new RegExp(canaryMark));
  assert.deepEqual(await stage.run(scope, scope), [tokens[0], tokens[0]]);
  assert.equal(stage.starts, 1);
  assert.deepEqual(findLeaksIn(stage.stand.state), []);
});

stageTest("a program that finds its token compiles no WebAssembly for it", async (stage) => {
  const [token] = await stage.run(scope);
  const counting = ["--import", counter];
  assert.deepEqual(await stage.runWith(counting, scope, scope), [token, token, "0 compilations"]);
  // Who has to fetch goes the whole way, which is in WebAssembly: the counter counts.
  const [, compiled] = await stage.runWith(counting, "https://vault.azure.net/.default");
  assert.match(String(compiled), /^[1-9]\d* compilations$/);
});

stageTest(
  "another login has another token, and the first one comes back to none of its own",
  async (stage) => {
    const [ann] = await stage.run(scope);
    stage.logIn("ben");
    const [ben] = await stage.run(scope);
    assert.notEqual(ben, ann);
    stage.login.write(profileOf("ann"));
    const [again] = await stage.run(scope);
    assert.ok(![ann, ben].includes(again));
    assert.equal(stage.starts, 3);
  },
);

stageTest("a token is not given to those who have logged out", async (stage) => {
  await stage.run(scope);
  stage.login.write('{"subscriptions": []}');
  stage.az("echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1");
  assert.deepEqual(await stage.run(scope), ["CredentialUnavailableError"]);
});

stageTest(
  "programs that wait for a run that fails have its error, and do not all run az again",
  async (stage) => {
    stage.az("sleep 2; echo 'ERROR: AADSTS700082: expired' >&2; exit 1");
    const said = await Promise.all(Array.from({ length: 6 }, () => stage.run(scope)));
    assert.deepEqual([...new Set(said.flat())], ["CredentialUnavailableError"]);
    assert.ok(stage.starts <= 3, `az was started ${stage.starts} times`);
  },
);
