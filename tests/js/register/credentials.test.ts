// What the credentials of a registered program do: as before, but for the runs that are not needed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeToken } from "../../leaks/search.mjs";
import { helpers, limits, packages, register, Stage, tokenOf } from "./stage.ts";

for (const from of packages) {
  const start = `import * as identity from "${from}";${helpers}`;
  const print = async (source: string, env: Record<string, string> = {}) => {
    using stage = new Stage();
    return (await stage.run("app.mjs", start + source, { env })).printed;
  };

  test(`${from}: a chain is walked once, and its parts have no cache in between`, limits, async () => {
    const printed = await print(`
      let asked = 0;
      const first = { getToken: async () => { asked += 1; return null; } };
      const part = new identity.AzureCliCredential();
      const chain = new identity.ChainedTokenCredential(first, part);
      const tokens = await Promise.all(Array.from({ length: 20 }, () => tokenOf(chain)));
      tokens.push(await tokenOf(chain));
      const once = [asked, starts()];
      await tokenOf(part);
      await tokenOf(part);
      print({ tokens: [...new Set(tokens)], once, afterPart: [asked, starts()] });`);
    assert.deepEqual(printed, { tokens: [tokenOf("ann")], once: [1, 1], afterPart: [1, 2] });
  });

  test(`${from}: DefaultAzureCredential walks once for all callers, also when it fails`, limits, async () => {
    const printed = await print(
      `
      const credential = new identity.DefaultAzureCredential();
      const answers = await Promise.allSettled(Array.from({ length: 9 }, () => tokenOf(credential)));
      const walked = starts();
      const held = credential._sources.find((part) => part instanceof identity.AzureCliCredential);
      writeFileSync(folder + "/azureProfile.json", readFileSync(folder + "/azureProfile.json", "utf8").replace("ann@", "ben@"));
      process.getBuiltinModule("node:fs").rmSync(folder + "/token");
      const failing = new identity.DefaultAzureCredential();
      const failures = await Promise.allSettled(Array.from({ length: 9 }, () => tokenOf(failing)));
      print({
        tokens: [...new Set(answers.map(({ value }) => value))],
        walked,
        hasPart: held !== undefined,
        walkedAgain: starts() - walked,
        errors: new Set(failures.map(({ reason }) => reason)).size,
        name: failures[0].reason.name,
        isAggregate: failures[0].reason instanceof identity.AggregateAuthenticationError,
      });`,
      { AZURE_TOKEN_CREDENTIALS: "dev" },
    );
    assert.deepEqual(printed, {
      tokens: [tokenOf("ann")],
      walked: 1,
      hasPart: true,
      walkedAgain: 1,
      errors: 1,
      name: "AggregateAuthenticationError",
      isAggregate: true,
    });
  });

  test(`${from}: EnvironmentCredential and the credential in it are one cache`, limits, async () => {
    const printed = await print(
      `
      let fetches = 0;
      const original = Symbol.for("azure-token-cache.original");
      const credential = new identity.EnvironmentCredential();
      const secret = credential._credential;
      secret.msalClient = { getTokenByClientSecret: async () => ({ token: "${fakeToken("t")}" + ++fetches, expiresOnTimestamp: Date.now() + 36e5 }) };
      const tokens = [await tokenOf(credential), await tokenOf(credential), await tokenOf(secret), await tokenOf(secret)];
      print({ isSecret: secret instanceof identity.ClientSecretCredential, isCached: original in secret.getToken, tokens });`,
      { AZURE_TENANT_ID: "t", AZURE_CLIENT_ID: "c", AZURE_CLIENT_SECRET: "s" },
    );
    assert.deepEqual(printed, {
      isSecret: true,
      isCached: true,
      tokens: ["t1", "t1", "t2", "t2"].map(fakeToken),
    });
  });

  test(`${from}: another login is noticed`, limits, async () => {
    const printed = await print(`
      const untilNextLook = () => { const began = performance.now(); while (performance.now() - began < 2); };
      const credential = new identity.AzureCliCredential();
      const profile = readFileSync(folder + "/azureProfile.json", "utf8");
      const tokens = [];
      for (const user of ["ann", "ben", "ann"]) {
        untilNextLook();
        writeFileSync(folder + "/token", "${tokenOf("")}" + user + "\\n");
        writeFileSync(folder + "/azureProfile.json", profile.replace("ann@", user + "@"));
        tokens.push(await tokenOf(credential), await tokenOf(credential));
      }
      print({ tokens, starts: starts() });`);
    const [ann, ben] = [tokenOf("ann"), tokenOf("ben")];
    assert.deepEqual(printed, { tokens: [ann, ann, ben, ben, ann, ann], starts: 3 });
  });

  test(`${from}: the error is the credential's own object`, limits, async () => {
    const printed = await print(`
      const own = new TypeError("own");
      const chain = new identity.ChainedTokenCredential({ getToken: async () => { throw own; } });
      const caught = await chain.getToken(scope).catch((error) => error);
      const told = await chain.getToken(scope).catch((error) => error);
      print([caught === own, told === own]);`);
    assert.deepEqual(printed, [true, true]);
  });

  test(`${from}: what is no request gets the credential's own answer`, limits, async () => {
    const source = `
      const credential = new identity.AzureCliCredential();
      const { getToken } = credential;
      const said = (answer) => answer.then(() => "a token", (error) => error.name + ": " + error.message);
      print([
        ...(await Promise.all([undefined, null, "", [], 7, "a b", ["a b"]].map((scopes) => said(credential.getToken(scopes))))),
        await said((async () => getToken(scope))()),
      ]);`;
    using stage = new Stage();
    const cached = await stage.run("app.mjs", start + source);
    const plain = await stage.run("app.mjs", start + source, { flags: [] });
    assert.deepEqual(cached.printed, plain.printed);
  });

  test(`${from}: a class that extends one, and one whose method the program replaced`, limits, async () => {
    const printed = await print(`
      let calls = 0;
      class Mine extends identity.AzureCliCredential {
        async getToken(scopes, options) {
          calls += 1;
          const token = await super.getToken(scopes, options);
          return { ...token, token: "my " + token.token };
        }
      }
      const mine = new Mine();
      const tokens = [await tokenOf(mine), await tokenOf(mine)];
      const isInstance = mine instanceof identity.AzureCliCredential;
      const extended = { tokens, calls, starts: starts(), isInstance };
      const { getToken } = identity.AzureCliCredential.prototype;
      identity.AzureCliCredential.prototype.getToken = function (...given) {
        calls += 1;
        return getToken.apply(this, given);
      };
      const replaced = new identity.AzureCliCredential();
      await tokenOf(replaced);
      await tokenOf(replaced);
      print({ extended, calls, starts: starts() });`);
    const extended = {
      tokens: [`my ${tokenOf("ann")}`, `my ${tokenOf("ann")}`],
      calls: 2,
      starts: 1,
      isInstance: true,
    };
    assert.deepEqual(printed, { extended, calls: 4, starts: 2 });
  });

  test(`${from}: with a cache of the program's own there is no second one`, limits, async () => {
    const printed = await print(`
      const { withTokenCache, TokenCache } = await import("azure-token-cache");
      const own = withTokenCache(new identity.AzureCliCredential());
      const shared = new TokenCache().wrap(new identity.DefaultAzureCredential());
      const counts = [];
      for (const credential of [own, shared]) {
        await tokenOf(credential);
        await credential.invalidate();
        await tokenOf(credential);
        counts.push(starts());
      }
      print(counts);`);
    assert.deepEqual(printed, [2, 4]);
  });

  test(`${from}: after authenticate() the token is the new person's`, limits, async () => {
    const printed = await print(`
      let person = "ann";
      const credential = new identity.DeviceCodeCredential({ tenantId: "t", clientId: "c" });
      credential.msalClient = {
        getTokenByDeviceCode: async () => ({ token: "${tokenOf("")}" + person, expiresOnTimestamp: Date.now() + 36e5 }),
        getActiveAccount: () => ({ username: person }),
      };
      const before = [await tokenOf(credential), await tokenOf(credential)];
      person = "ben";
      const kept = await tokenOf(credential);
      const record = await credential.authenticate(scope);
      print({ before, kept, record, after: await tokenOf(credential), parameters: credential.authenticate.length });`);
    const ann = tokenOf("ann");
    assert.deepEqual(printed, {
      before: [ann, ann],
      kept: ann,
      record: { username: "ben" },
      after: tokenOf("ben"),
      parameters: 1,
    });
  });

  test(`${from}: a sign-in counts though the store cannot be used`, limits, async () => {
    const printed = await print(
      `
      const [tenantId, clientId] = ["t", "c"];
      const authority = "https://login.microsoftonline.com/t";
      const authenticationRecord = { authority, homeAccountId: "ann.t", clientId, tenantId, username: "ann" };
      const credential = new identity.DeviceCodeCredential({ tenantId, clientId, authenticationRecord });
      credential.msalClient.getTokenByDeviceCode = async () => ({ token: "${fakeToken("t1")}", expiresOnTimestamp: Date.now() + 36e5 });
      const token = await tokenOf(credential);
      print([token, (await credential.authenticate(scope)).username]);`,
      { AZURE_TOKEN_CACHE: "persistent", AZURE_TOKEN_CACHE_VAULT: "keychain" },
    );
    assert.deepEqual(printed, [fakeToken("t1"), "ann"]);
  });

  test(`${from}: an abort is the caller's own`, limits, async () => {
    const printed = await print(`
      const credential = new identity.AzureCliCredential();
      await tokenOf(credential);
      const aborted = AbortSignal.abort();
      const own = new AbortController();
      const failing = tokenOf(credential, { abortSignal: aborted }).catch((error) => error.name);
      print([await failing, await tokenOf(credential, { abortSignal: own.signal }), starts()]);`);
    assert.deepEqual(printed, ["AbortError", tokenOf("ann"), 1]);
  });

  test(`${from}: a credential that nobody holds is collected, and its cache with it`, limits, async () => {
    using stage = new Stage();
    const source = `${start}
      const credentials = [];
      for (let count = 0; count < 200; count++) {
        const credential = new identity.ChainedTokenCredential({
          getToken: async () => ({ token: "${fakeToken("t")}", expiresOnTimestamp: Date.now() + 36e5 }),
        });
        await tokenOf(credential);
        credentials.push(new WeakRef(credential));
      }
      let held = 200;
      for (let round = 0; round < 20 && held > 0; round++) {
        await new Promise(setImmediate);
        gc();
        held = credentials.filter((credential) => credential.deref() !== undefined).length;
      }
      print(held);`;
    const flags = ["--expose-gc", ...register];
    assert.ok(((await stage.run("app.mjs", source, { flags })).printed as number) <= 1);
  });
}

test("each thread has its own caches, and a store for all where one is asked for", limits, async () => {
  const source = `import { Worker, isMainThread, parentPort } from "node:worker_threads";
    import { AzureCliCredential } from "@azure/identity";
    ${helpers}
    const credential = new AzureCliCredential();
    const tokens = [await tokenOf(credential), await tokenOf(credential)];
    if (isMainThread) {
      const worker = new Worker(new URL(import.meta.url));
      worker.once("message", (theirs) => print({ tokens: [...tokens, ...theirs], starts: starts() }));
    } else parentPort.postMessage(tokens);`;
  const ann = tokenOf("ann");
  for (const [env, starts] of [
    [{}, 2],
    [{ AZURE_TOKEN_CACHE: "persistent" }, 1],
  ] as const) {
    using stage = new Stage();
    const { printed, stderr } = await stage.run("app.mjs", source, { env });
    assert.deepEqual(printed, { tokens: [ann, ann, ann, ann], starts }, stderr);
  }
});

const own = fakeToken("own");
const asks = `import { AzureCliCredential, ChainedTokenCredential } from "@azure/identity";
  ${helpers}
  const own = { getToken: async () => ({ token: "${own}", expiresOnTimestamp: Date.now() + 36e5 }) };
  print([await tokenOf(new AzureCliCredential()), await tokenOf(new ChainedTokenCredential(own)), starts()]);`;

test("persistent: another process has the token, and another login's is not handed on", limits, async () => {
  using stage = new Stage();
  const env = { AZURE_TOKEN_CACHE: "Persistent" };
  const runs = [await stage.run("app.mjs", asks, { env }), await stage.run("app.mjs", asks, { env })];
  stage.logIn("ben");
  runs.push(await stage.run("app.mjs", asks, { env }));
  assert.deepEqual(
    runs.map(({ printed, stderr }) => [printed, stderr]),
    [
      [[tokenOf("ann"), own, 1], ""],
      [[tokenOf("ann"), own, 1], ""],
      [[tokenOf("ben"), own, 2], ""],
    ],
  );
});

const fetching = `
  const { pid } = process;
  const stub = (credential) => {
    credential.msalClient.getTokenByClientSecret = async () => ({ token: "${fakeToken("of ")}" + pid, expiresOnTimestamp: Date.now() + 36e5 });
    return credential;
  };`;

test(
  "persistent: every credential is shared whose own options say whose tokens it gets",
  limits,
  async () => {
    using stage = new Stage();
    const source = `import * as identity from "@azure/identity";
    ${helpers}${fetching}
    const secret = (text) => stub(new identity.ClientSecretCredential("t", "c", text));
    const chain = new identity.ChainedTokenCredential(secret("chained"), new identity.AzureCliCredential());
    print([pid, await tokenOf(secret("one")), await tokenOf(secret(String(pid))), await tokenOf(chain)]);`;
    const env = { AZURE_TOKEN_CACHE: "persistent" };
    const [first, second] = [
      await stage.run("app.mjs", source, { env }),
      await stage.run("app.mjs", source, { env }),
    ];
    const [one, two] = [first.printed, second.printed] as [number, string, string, string][];
    assert.deepEqual(one?.slice(1), Array(3).fill(fakeToken(`of ${one?.[0]}`)));
    assert.deepEqual(two?.slice(1), [
      fakeToken(`of ${one?.[0]}`),
      fakeToken(`of ${two?.[0]}`),
      fakeToken(`of ${one?.[0]}`),
    ]);
    assert.equal(first.stderr + second.stderr, "");
  },
);

test(
  "persistent: a chain that ends in managed identity is shared where the machine is named",
  limits,
  async () => {
    const source = `import * as identity from "@azure/identity";
    ${helpers}${fetching}
    const chain = new identity.DefaultAzureCredential();
    stub(chain._sources[0]._credential);
    print([pid, await tokenOf(chain)]);`;
    const given = {
      AZURE_TENANT_ID: "t",
      AZURE_CLIENT_ID: "c",
      AZURE_CLIENT_SECRET: "s",
      AZURE_TOKEN_CREDENTIALS: "prod",
    };
    for (const [named, shared] of [
      [{}, false],
      [{ AZURE_TOKEN_CACHE_PARTITION: "web 1" }, true],
    ] as const) {
      using stage = new Stage();
      const env = { ...given, ...named, AZURE_TOKEN_CACHE: "persistent" };
      const runs = [await stage.run("app.mjs", source, { env }), await stage.run("app.mjs", source, { env })];
      const [one, two] = runs.map(({ printed }) => printed) as [number, string][];
      assert.equal(one?.[1], fakeToken(`of ${one?.[0]}`));
      assert.equal(two?.[1], fakeToken(`of ${(shared ? one : two)?.[0]}`));
    }
  },
);

test("persistent, where no store can be: tokens in memory, and one warning", limits, async () => {
  using stage = new Stage();
  const env = { AZURE_TOKEN_CACHE: "persistent", AZURE_TOKEN_CACHE_VAULT: "key-file", XDG_RUNTIME_DIR: "" };
  const { printed, stderr } = await stage.run("app.mjs", asks, { env });
  assert.deepEqual(printed, [tokenOf("ann"), own, 1]);
  assert.equal(stderr.match(/azure-token-cache: the store cannot be used/g)?.length, 1, stderr);
  assert.match(stderr, /\(STORE_NO_VAULT\); tokens are kept in memory: .*AZURE_TOKEN_CACHE_VAULT/);
});

test("a value that means nothing: tokens in memory, and a warning", limits, async () => {
  using stage = new Stage();
  const { printed, stderr } = await stage.run("app.mjs", asks, { env: { AZURE_TOKEN_CACHE: "persistant" } });
  assert.deepEqual(printed, [tokenOf("ann"), own, 1]);
  assert.match(stderr, /azure-token-cache: AZURE_TOKEN_CACHE=persistant is neither/);
});
