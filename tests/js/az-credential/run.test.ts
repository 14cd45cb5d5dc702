// How az is run: what it is given, how many at once, who keeps the process alive, and that nothing is left behind.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { TokenCredential } from "@azure/core-auth";
import { AzureCliCredential } from "azure-token-cache/node";
import {
  canary,
  document,
  eventually,
  print,
  printsToken,
  runners,
  StandIn,
  turn,
  usualScope,
} from "./stand-in.ts";

const limits = { timeout: 60_000 };
const root = fileURLToPath(new URL("../../../", import.meta.url));

for (const runner of runners) {
  test(`${runner}: az gets its arguments, its environment, no input and a safe folder`, limits, async () => {
    using stand = new StandIn(
      runner,
      `for argument in "$@"; do printf '%s\\n' "$argument"; done > arguments; cat > input; env > environment; ${printsToken}`,
    );
    process.env["ATC_EXTRA"] = "ü=1";
    const credential = new AzureCliCredential({ subscription: "My Sub" });
    await credential.getToken(["https://vault.azure.net/.default", "ignored"]);
    assert.deepEqual(stand.lines("arguments"), [
      "account",
      "get-access-token",
      "--output",
      "json",
      "--resource",
      "https://vault.azure.net",
      "--subscription",
      "My Sub",
    ]);
    assert.deepEqual(stand.lines("input"), []);
    const environment = stand.lines("environment");
    assert.ok(environment.includes("ATC_EXTRA=ü=1"));
    assert.ok(environment.includes(`OLDPWD=${realpathSync("/bin")}`) || environment.includes("OLDPWD=/bin"));
    const other = new AzureCliCredential({ tenantId: "own", additionallyAllowedTenants: ["contoso.com"] });
    await other.getToken("x//.default", { tenantId: "contoso.com" });
    assert.deepEqual(stand.lines("arguments").slice(4), ["--resource", "x/", "--tenant", "contoso.com"]);
    await other.getToken("x//.default", { tenantId: undefined as unknown as string });
    assert.deepEqual(stand.lines("arguments").slice(6), ["--tenant", "own"]);
  });

  test(`${runner}: the environment is the one at the call`, limits, async () => {
    using stand = new StandIn(
      runner,
      `echo "$ATC_EXTRA" >> seen; until [ -e go ]; do sleep 0.01; done; ${printsToken}`,
    );
    const credential = new AzureCliCredential();
    process.env["ATC_EXTRA"] = "called";
    // The third waits for a slot until the first two are done.
    const calls = [1, 2, 3].map(() => credential.getToken(usualScope));
    process.env["ATC_EXTRA"] = "later";
    stand.write("go");
    await Promise.all(calls);
    assert.deepEqual(stand.lines("seen"), ["called", "called", "called"]);
  });

  test(`${runner}: the event loop turns while az runs`, limits, async () => {
    using stand = new StandIn(runner, `until [ -e go ]; do sleep 0.01; done; ${printsToken}`);
    const call = new AzureCliCredential().getToken(usualScope);
    for (let turns = 0; turns < 1000; turns += 1) await turn();
    stand.write("go");
    assert.equal((await call).token, canary);
  });

  test(`${runner}: at most two az at once, and no fewer`, limits, async () => {
    using stand = new StandIn(
      runner,
      `mkdir -p running; : > running/$$; ls running | wc -l >> counts; until [ -e go ]; do sleep 0.01; done; rm running/$$; ${printsToken}`,
    );
    const calls = Array.from({ length: 7 }, () => new AzureCliCredential().getToken(usualScope));
    await eventually(() => stand.lines("counts").length >= 2);
    stand.write("go");
    await Promise.all(calls);
    const counts = stand.lines("counts").map(Number);
    assert.equal(counts.length, 7);
    assert.equal(Math.max(...counts), 2);
  });

  test(`${runner}: an abort before the start starts nothing`, limits, async () => {
    using stand = new StandIn(runner, ": > started");
    await assert.rejects(
      new AzureCliCredential().getToken(usualScope, { abortSignal: AbortSignal.abort() }),
      {
        name: "AbortError",
      },
    );
    assert.equal(stand.has("started"), false);
  });

  test(`${runner}: an abort in the queue leaves it`, limits, async () => {
    using stand = new StandIn(runner, `echo >> starts; until [ -e go ]; do sleep 0.01; done; ${printsToken}`);
    const credential = new AzureCliCredential();
    const running = [credential.getToken(usualScope), credential.getToken(usualScope)];
    await eventually(() => stand.lines("starts").length === 2);
    const controller = new AbortController();
    const waiting = credential.getToken(usualScope, { abortSignal: controller.signal });
    const last = credential.getToken(usualScope);
    await turn();
    controller.abort();
    await assert.rejects(waiting, { name: "AbortError" });
    stand.write("go");
    await Promise.all([...running, last]);
    assert.equal(stand.lines("starts").length, 3);
  });

  test(`${runner}: an abort rejects its caller and lets az finish`, limits, async () => {
    using stand = new StandIn(
      runner,
      `: > started; until [ -e go ]; do sleep 0.01; done; : > finished; ${printsToken}`,
    );
    const controller = new AbortController();
    const call = new AzureCliCredential().getToken(usualScope, { abortSignal: controller.signal });
    await stand.appeared("started");
    controller.abort(new Error("the user left"));
    await assert.rejects(call, (error: Error) => {
      assert.equal(error.name, "AbortError");
      assert.equal((error.cause as Error).message, "the user left");
      return true;
    });
    assert.notEqual(stand.processes().length, 0);
    stand.write("go");
    await stand.appeared("finished");
    await stand.gone();
  });

  test(`${runner}: az past its limit lives on while it holds its lock file`, limits, async () => {
    using stand = new StandIn(runner, ": > msal_token_cache.json.lockfile; while :; do sleep 0.01; done");
    stand.write("msal_token_cache.json.lockfile");
    const call = new AzureCliCredential({ processTimeoutInMs: 50 }).getToken(usualScope);
    await assert.rejects(call, { code: "TimedOut" });
    await stand.appeared("msal_token_cache.json.lockfile");
    assert.notEqual(stand.processes().length, 0);
    stand.remove("msal_token_cache.json.lockfile");
    // The script writes the file once more if it was slow to start; then the file is stale, and the grace ends it.
    await stand.gone();
  });

  test(`${runner}: a slot is taken until az is gone`, limits, async () => {
    using stand = new StandIn(runner, "echo >> starts; while :; do sleep 0.01; done");
    stand.write("msal_token_cache.json.lockfile");
    const credential = new AzureCliCredential({ processTimeoutInMs: 50 });
    const calls = [1, 2, 3].map(() => credential.getToken(usualScope).catch((error: Error) => error));
    await Promise.all(calls.slice(0, 2));
    await eventually(() => stand.lines("starts").length === 2);
    assert.ok(stand.lines("starts").length === 2);
    stand.remove("msal_token_cache.json.lockfile");
    await Promise.all(calls);
    await stand.gone();
  });

  test(`${runner}: a zoneless expiresOn is read in the local zone`, limits, async () => {
    const indiaMs = 5.5 * 3_600_000;
    const soon = Math.floor(Date.now() / 1000) * 1000 + 3_600_000;
    for (const unixMs of [soon, 2_000_000_000_000]) {
      const local = new Date(unixMs + indiaMs).toISOString().slice(0, 19).replace("T", " ");
      const old = document({ expires_on: undefined, expiresOn: `${local}.000000` });
      using _stand = new StandIn(runner, print(old));
      process.env["TZ"] = "Asia/Kolkata";
      const token = await new AzureCliCredential().getToken(usualScope);
      assert.equal(token.expiresOnTimestamp, unixMs);
    }
  });

  test(`${runner}: a pending call keeps the process alive`, limits, async () => {
    // The program's own input stays open: an az that got it would not end.
    using stand = new StandIn(runner, `cat; sleep 0.3; ${printsToken}`);
    const { code, output } = await ended(
      program(stand, "console.log((await credential.getToken(scope)).token.length)"),
    );
    assert.deepEqual({ code, output }, { code: 0, output: `${canary.length}\n` });
  });

  test(`${runner}: a call behind a caller does not keep the process alive`, limits, async () => {
    using stand = new StandIn(runner, ": > started; sleep 1000");
    const script = `
      credential.getToken(scope, { [Symbol.for("azure-token-cache.behind")]: true });
      while (!existsSync(process.env.STAND + "/started")) await pause();`;
    assert.equal((await ended(program(stand, script))).code, 0);
    await stand.gone();
  });

  test(`${runner}: a cache keeps the process alive for its callers alone`, limits, async () => {
    const cached = `const cached = withTokenCache(credential, { identity: "fixed" });`;
    {
      using stand = new StandIn(runner, `sleep 0.3; ${printsToken}`);
      const script = `${cached} console.log((await cached.getToken(scope)).token.length);`;
      const { code, output } = await ended(program(stand, script));
      assert.deepEqual({ code, output }, { code: 0, output: `${canary.length}\n` });
    }
    using stand = new StandIn(runner, ": > started; sleep 1000");
    const script = `
      ${cached}
      const controller = new AbortController();
      const call = cached.getToken(scope, { abortSignal: controller.signal }).catch((error) => error.name);
      while (!existsSync(process.env.STAND + "/started")) await pause();
      controller.abort();
      console.log(await call);`;
    const { code, output } = await ended(program(stand, script));
    assert.deepEqual({ code, output }, { code: 0, output: "AbortError\n" });
    await stand.gone();
  });

  for (const [way, ending] of [
    ["an abort and the natural end", "controller.abort(); await call;"],
    ["process.exit", "process.exit(0);"],
    [
      "an uncaught error",
      "setImmediate(() => { process.on('uncaughtException', () => process.exit(0)); throw new Error(); });",
    ],
  ] as const) {
    test(`${runner}: no process is left after ${way}`, limits, async () => {
      using stand = new StandIn(runner, "sleep 1000 & (sleep 1000 &); : > started; wait");
      const script = `
        const controller = new AbortController();
        const call = credential.getToken(scope, { abortSignal: controller.signal }).catch((error) => error);
        while (!existsSync(process.env.STAND + "/started")) await pause();
        ${ending}`;
      assert.equal((await ended(program(stand, script))).code, 0);
      await stand.gone();
    });
  }

  test(`${runner}: a process that exits lets az finish what it writes under its lock`, limits, async () => {
    using stand = new StandIn(
      runner,
      `: > msal_token_cache.json.lockfile; : > started; sleep 0.3; echo whole > saved; rm msal_token_cache.json.lockfile; sleep 1000`,
    );
    const script = `
      void credential.getToken(scope);
      while (!existsSync(process.env.STAND + "/started")) await pause();
      process.exit(0);`;
    assert.equal((await ended(program(stand, script))).code, 0);
    assert.deepEqual(stand.lines("saved"), ["whole"]);
    await stand.gone();
  });

  test(`${runner}: that runner, and no other, ran az`, limits, async () => {
    using stand = new StandIn(runner, printsToken);
    const script = `
      await credential.getToken(scope);
      console.log(readFileSync("/proc/self/maps", "latin1").includes("azure-token-cache.linux"));`;
    assert.equal((await ended(program(stand, script))).output, `${runner === "addon"}\n`);
  });
}

// Both at once: az has its whole grace before it is ended.
test("a process that is killed leaves no az that hangs", limits, async () => {
  const kill = async (stand: StandIn): Promise<void> => {
    const child = program(stand, "await credential.getToken(scope);");
    await stand.appeared("started");
    await eventually(() => hasGuard(child));
    child.kill("SIGKILL");
    await ended(child);
    assert.notEqual(stand.processes().length, 0, "az has time to finish what it writes");
    await stand.gone();
  };
  using one = new StandIn("addon", "sleep 1000 & : > started; wait");
  using other = new StandIn("child_process", "sleep 1000 & : > started; wait");
  await Promise.all([kill(one), kill(other)]);
});

test("a worker that is terminated leaves no process", limits, async () => {
  using stand = new StandIn("addon", "sleep 1000 & : > started; wait");
  const script = `
    const worker = new Worker(\`
      import("azure-token-cache/node").then(({ AzureCliCredential }) =>
        new AzureCliCredential().getToken("\${scope}"));\`, { eval: true });
    while (!existsSync(process.env.STAND + "/started")) await pause();
    await worker.terminate();
    const marked = () => readdirSync("/proc").some((pid) => pid !== String(process.pid) && /^[0-9]+$/.test(pid) && alive(pid));
    function alive(pid) {
      try {
        return readFileSync("/proc/" + pid + "/environ", "latin1").includes("STAND=" + process.env.STAND + "\\0") &&
          !/^State:\\s+Z/m.test(readFileSync("/proc/" + pid + "/status", "latin1"));
      } catch { return false; }
    }
    while (marked()) await pause();
    console.log("none left");`;
  assert.equal((await ended(program(stand, script))).output, "none left\n");
});

test("it is a TokenCredential of the Azure SDK, by type and by shape", () => {
  const credential: TokenCredential = new AzureCliCredential();
  assert.equal(credential.getToken.length, 2);
  const brand = (credential as unknown as Record<symbol, unknown>)[Symbol.for("azure-token-cache.kind")];
  assert.deepEqual(brand, {
    name: "AzureCliCredential",
    tenantId: undefined,
    subscription: undefined,
    limitMs: 120_000,
  });
});

/** A program with a credential, in the stand-in's environment. */
function program(stand: StandIn, script: string): ChildProcess {
  const imports = `
    import { existsSync, readdirSync, readFileSync } from "node:fs";
    import { Worker } from "node:worker_threads";
    import { withTokenCache } from "azure-token-cache";
    import { AzureCliCredential } from "azure-token-cache/node";
    const pause = () => new Promise((resolve) => setTimeout(resolve, 5));
    const credential = new AzureCliCredential();
    const scope = ${JSON.stringify(usualScope)};`;
  return spawn(process.execPath, ["--input-type=module", "--eval", imports + script], {
    cwd: root,
    env: { ...stand.environment },
    stdio: ["pipe", "pipe", "inherit"],
  });
}

/** Whether the process that ends az after its parent's death has been started: it is the parent's other child. */
function hasGuard({ pid }: ChildProcess): boolean {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" "))
    .some((child) => child !== "" && readFileSync(`/proc/${child}/cmdline`, "utf8").includes("-guard"));
}

async function ended(child: ChildProcess): Promise<{ code: number | null; output: string }> {
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}

/** What az says when it reads its token cache while another az writes it, and when the person is not in it. */
const nobodyThere =
  "echo \"ERROR: User 'ann@example.com' does not exist in MSAL token cache. Run 'az login'.\" >&2; exit 1";

for (const runner of runners) {
  test(
    `${runner}: az that read its token cache while another one wrote it is asked again`,
    limits,
    async () => {
      using stand = new StandIn(
        runner,
        `echo start >> starts; [ $(wc -l < starts) -gt 1 ] || { ${nobodyThere}; }; ${printsToken}`,
      );
      assert.equal((await new AzureCliCredential().getToken(usualScope)).token, canary);
      assert.equal(stand.lines("starts").length, 2);
    },
  );

  test(`${runner}: someone who is not in az's token cache has to log in`, limits, async () => {
    using stand = new StandIn(runner, `echo start >> starts; ${nobodyThere}`);
    await assert.rejects(new AzureCliCredential().getToken(usualScope), { code: "LoginRequired" });
    assert.equal(stand.lines("starts").length, 2);
  });
}
