// The program `azure-token-cache` and Node share az's tokens: each answers with what the other has saved.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { StoredToken } from "azure-token-cache";
import type { StoredPlace } from "../../../wasm/ts/platform.ts";
import { fakeToken } from "../../leaks/search.mjs";
import { Stand as Login, profileOf, tenant } from "../identity/stand-in.ts";
import { Stand } from "./stand.ts";

const program = fileURLToPath(new URL("../../../target/release/azure-token-cache", import.meta.url));
const resource = "https://management.azure.com";
const ofAz = fakeToken("of-az");

/** A login, a store, and an az that leaves a note when it starts. */
class Stage implements Disposable {
  readonly login: Login;
  readonly stand = new Stand();
  readonly #folder: string;

  constructor(context: TestContext) {
    this.login = new Login(context, "addon");
    this.login.write(profileOf("ann"));
    this.#folder = join(this.login.home, "bin");
    mkdirSync(this.#folder);
    const answer = {
      accessToken: ofAz,
      expires_on: inAnHour(),
      tokenType: "Bearer",
      tenant,
    };
    const script = `#!/bin/sh\ntouch '${this.#note}'\ncat <<'END'\n${JSON.stringify(answer)}\nEND\n`;
    writeFileSync(join(this.#folder, "az"), script, { mode: 0o755 });
  }

  get hasStartedAz(): boolean {
    return existsSync(this.#note);
  }

  get #note(): string {
    return join(this.#folder, "started");
  }

  /** Where Node would look, and under which login. */
  async place(tenantId?: string): Promise<StoredPlace> {
    const watch = await this.login.watch();
    const place = watch.stored?.({ scopes: [`${resource}/.default`], tenantId });
    assert.ok(place);
    return place;
  }

  /** What the program prints. */
  ask(...flags: string[]): string {
    const environment = {
      PATH: `${this.#folder}:/usr/bin:/bin`,
      HOME: this.login.home,
      AZURE_CONFIG_DIR: this.login.folder,
      XDG_STATE_HOME: this.stand.state,
      XDG_RUNTIME_DIR: this.stand.runtime,
      AZURE_TOKEN_CACHE_VAULT: "key-file",
      TZ: "UTC",
    };
    const args = ["get-token", "--resource", resource, ...flags];
    return execFileSync(program, args, { env: environment, encoding: "utf8" });
  }

  [Symbol.dispose](): void {
    this.login[Symbol.dispose]();
    this.stand[Symbol.dispose]();
  }
}

function stageTest(name: string, body: (stage: Stage) => Promise<void>): void {
  test(name, { timeout: 60_000 }, async (context) => {
    using stage = new Stage(context);
    await body(stage);
  });
}

/** In seconds since the Unix epoch. */
function inAnHour(): number {
  return Math.floor(Date.now() / 1_000) + 3_600;
}

stageTest("the program answers with what Node has saved, as az prints it", async (stage) => {
  for (const tenantId of [undefined, tenant]) {
    const { key, login, account } = await stage.place(tenantId);
    const token: StoredToken = {
      token: fakeToken("of-node"),
      expiresAt: inAnHour() * 1_000,
      acquiredAt: Date.now(),
      login,
      account,
      extra: { of: "Node" },
    };
    await stage.stand.open().save(key, token, undefined);
    const printed = JSON.parse(stage.ask(...(tenantId === undefined ? [] : ["--tenant", tenantId])));
    assert.deepEqual(printed, {
      accessToken: token.token,
      expiresOn: `${new Date(token.expiresAt).toISOString().slice(0, 19).replace("T", " ")}.000000`,
      expires_on: token.expiresAt / 1_000,
      ...(tenantId === undefined && { subscription: "33333333-3333-3333-3333-333333333333" }),
      tenant,
      tokenType: "Bearer",
    });
  }
  assert.equal(stage.hasStartedAz, false);
});

stageTest("Node finds what the program has saved, and knows its age and its login", async (stage) => {
  const before = Date.now();
  const printed = JSON.parse(stage.ask());
  assert.ok(stage.hasStartedAz);
  const { key, login, account } = await stage.place();
  const { token, generation } = await stage.stand.open().load(key);
  assert.ok(token);
  assert.equal(token.token, printed.accessToken);
  assert.equal(token.expiresAt, printed.expires_on * 1_000);
  assert.deepEqual([token.login, token.account, token.tenantId], [login, account, tenant]);
  assert.deepEqual([token.tokenType, generation.entry], ["Bearer", 1]);
  assert.ok(token.acquiredAt >= before && token.acquiredAt <= Date.now());
  assert.ok(token.ageMs !== undefined && token.ageMs >= 0 && token.ageMs <= Date.now() - before + 100);
});

stageTest("a token of an earlier login is answered by neither", async (stage) => {
  const { key, account } = await stage.place();
  const login = { account: "0".repeat(16), session: "0".repeat(16) };
  const token = {
    token: fakeToken("earlier"),
    expiresAt: inAnHour() * 1_000,
    acquiredAt: Date.now(),
    login,
    account,
  };
  await stage.stand.open().save(key, token, undefined);
  assert.equal(JSON.parse(stage.ask()).accessToken, ofAz);
  assert.ok(stage.hasStartedAz);
  assert.notDeepEqual((await stage.place()).login, login);
});

stageTest("what Node saves over the program's token is what the program answers with", async (stage) => {
  stage.ask();
  const { key, login, account } = await stage.place();
  const store = stage.stand.open();
  const { generation } = await store.load(key);
  const token = {
    token: fakeToken("newer"),
    expiresAt: inAnHour() * 1_000,
    acquiredAt: Date.now(),
    login,
    account,
  };
  assert.equal(await store.save(key, token, generation), true);
  assert.equal(JSON.parse(stage.ask()).accessToken, token.token);
  await store.invalidate(key);
  assert.equal(JSON.parse(stage.ask()).accessToken, ofAz);
  assert.equal((await store.load(key)).token?.token, ofAz);
});

test("the program is there", () => {
  assert.notEqual(readFileSync(program).length, 0);
});
