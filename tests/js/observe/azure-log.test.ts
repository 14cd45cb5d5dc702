// The log of the Azure SDKs: who switches it on, in which copy of @azure/logger, and that nobody else pays for it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { assertNoToken, fakeToken } from "../../leaks/search.mjs";

const checkout = fileURLToPath(new URL("../../../", import.meta.url));
const started = 'azure:token-cache:verbose fetch-start {"kind":"credential","scopes":["scope"],';
const ended = 'azure:token-cache:info fetch-end {"kind":"credential","scopes":["scope"],';

/** A credential of nobody's, wrapped; on a clock that the program moves. */
const custom = `
  import { withTokenCache } from "azure-token-cache";
  const fetched = { getToken: async () => ({ token: "${fakeToken("t")}", expiresOnTimestamp: Date.now() + 3_600_000 }) };
  const credential = withTokenCache(fetched, { identity: "fixed" });
`;

/** A lease is over, so that the engine is asked again; no fetch begins. */
const goesOn = "const now = Date.now; Date.now = () => now() + 40_000;";

describe("the log of a program", () => {
  it("has what happens under AZURE_LOG_LEVEL", () => {
    const program = `${custom} await credential.getToken("scope"); await credential.getToken("scope");`;
    const { lines } = run(checkout, program, { AZURE_LOG_LEVEL: "verbose" });
    assert.equal(lines.length, 2, lines.join("\n"));
    assert.ok(lines[0]?.startsWith(started));
    assert.ok(lines[1]?.startsWith(ended));
    assert.match(lines[1] ?? "", /"outcome":"granted","milliseconds":[\d.]+\}$/);
  });

  it("has of it what its level lets through", () => {
    const program = `${custom}
      await credential.getToken("scope");
      fetched.getToken = async () => { throw new Error("secret"); };
      await credential.getToken("other").catch(() => {});
    `;
    const ofLevel = (level: string) => run(checkout, program, { AZURE_LOG_LEVEL: level }).lines.length;
    assert.deepEqual(["verbose", "info", "warning", "error"].map(ofLevel), [4, 2, 1, 0]);
  });

  it("is switched on and off while it runs, by whoever has a credential of @azure/identity", () => {
    const program = `
      import { ClientSecretCredential } from "@azure/identity";
      import { setLogLevel, AzureLogger } from "@azure/logger";
      import { withTokenCache } from "azure-token-cache";
      const inner = new ClientSecretCredential("tenant", "client", "secret");
      inner.getToken = async () => ({ token: "${fakeToken("t")}", expiresOnTimestamp: Date.now() + 3_600_000 });
      const credential = withTokenCache(inner);
      let heard = false;
      AzureLogger.log = (line) => {
        heard ||= line.includes("token-cache");
        process.stderr.write("mine: " + line + "\\n");
      };
      setLogLevel("info");
      await credential.getToken("a");
      while (!heard) await new Promise(setImmediate);
      setLogLevel();
      await credential.getToken("b");
      setLogLevel("verbose");
      await credential.getToken("c");
    `;
    const lines = run(checkout, program).lines.filter((line) => line.includes("token-cache"));
    assert.deepEqual(
      lines.map((line) => line.match(/^mine: azure:token-cache:(.*?) \{.*"scopes":(\[.*?\])/)?.slice(1)),
      [
        ["info fetch-end", '["a"]'],
        ["verbose fetch-start", '["c"]'],
        ["info fetch-end", '["c"]'],
      ],
    );
  });

  it("is the one of the copy that a CommonJS program required, at once", () => {
    const program = `
      const { setLogLevel, AzureLogger } = require("@azure/logger");
      const { withTokenCache } = require("azure-token-cache");
      AzureLogger.log = (line) => process.stderr.write("mine: " + line + "\\n");
      setLogLevel("verbose");
      const fetched = { getToken: async () => ({ token: "${fakeToken("t")}", expiresOnTimestamp: Date.now() + 3_600_000 }) };
      const credential = withTokenCache(fetched, { identity: "fixed" });
      credential.getToken("scope").then(() => process.stderr.write("answered\\n"));
      process.stderr.write("asked\\n");
    `;
    const { lines } = run(checkout, program, {}, "commonjs");
    assert.deepEqual(
      lines.map((line) => line.split(" {")[0]),
      [
        "mine: azure:token-cache:verbose fetch-start",
        "asked",
        "mine: azure:token-cache:info fetch-end",
        "answered",
      ],
    );
  });

  it("is in a program with both copies the one that is switched on, though it comes late", () => {
    const program = `
      import { createRequire } from "node:module";
      import { setLogLevel } from "@azure/logger";
      createRequire(import.meta.url)("@azure/logger");
      ${custom}
      setLogLevel("verbose");
      await credential.getToken("scope");
      console.error("later");
      ${goesOn}
      await credential.getToken("scope");
    `;
    const [later, first, second, ...others] = run(checkout, program).lines;
    assert.equal(later, "later");
    assert.ok(first?.startsWith(started) && second?.startsWith(ended));
    assert.deepEqual(others, []);
  });

  it("has each line once, in a program with both copies", () => {
    const program = `
      import { createRequire } from "node:module";
      import "@azure/logger";
      createRequire(import.meta.url)("@azure/logger");
      ${custom}
      await credential.getToken("scope");
    `;
    const { lines } = run(checkout, program, { AZURE_LOG_LEVEL: "verbose" });
    assert.equal(lines.length, 2, lines.join("\n"));
  });
});

describe("a program whose packages say when they are loaded", () => {
  let project: string;
  before(() => {
    project = mkdtempSync(join(tmpdir(), "observed-"));
    const own = join(project, "node_modules/azure-token-cache");
    cpSync(join(checkout, "package.json"), join(own, "package.json"));
    cpSync(join(checkout, "dist"), join(own, "dist"), {
      recursive: true,
      filter: (path) => !path.endsWith(".node") && !path.includes("types"),
    });
    add("@azure/logger", `${said("logger")} export const createClientLogger = () => ({});`);
    add("@opentelemetry/api", said("api"));
  });
  after(() => rmSync(project, { recursive: true, force: true }));

  const fetchesTwice = `${custom} await credential.getToken("a"); await credential.getToken("b");`;

  it("loads none of them where nobody listens", () => {
    assert.deepEqual(run(project, fetchesTwice).lines, []);
  });

  it("loads the API of OpenTelemetry never, whoever registered with it", () => {
    const registered = `
      globalThis[Symbol.for("opentelemetry.js.api.1")] = { version: "1.9.1", trace: { getTracer: () => ({ startSpan }) } };
      function startSpan(name) {
        console.error(name);
        return { setAttributes() {}, setStatus() {}, end() {} };
      }
    `;
    const { lines } = run(project, `${registered} ${fetchesTwice}`);
    assert.deepEqual(lines, ["azure_token_cache.fetch", "azure_token_cache.fetch"]);
  });

  it("loads the logger where AZURE_LOG_LEVEL or DEBUG asks for it", () => {
    for (const environment of [{ AZURE_LOG_LEVEL: "info" }, { DEBUG: "azure*" }])
      assert.deepEqual(run(project, fetchesTwice, environment).lines, ["loaded logger"]);
    assert.deepEqual(run(project, fetchesTwice, { DEBUG: "express" }).lines, []);
  });

  it("loads the logger in a process that goes on, since the program may set a level itself", () => {
    const { lines } = run(project, `${fetchesTwice} ${goesOn} await credential.getToken("a");`);
    assert.deepEqual(lines, ["loaded logger"]);
  });

  it("does without a logger that is not there or breaks", () => {
    const program = `${custom}
      await credential.getToken("scope");
      await new Promise(setImmediate);
      console.error((await credential.getToken("other")).token === "${fakeToken("t")}" ? "answered" : "other");
    `;
    const throws = "() => { throw new Error('broken'); }";
    const sources = [
      undefined,
      "throw new Error('broken');",
      `export const createClientLogger = ${throws};`,
      "export const createClientLogger = () => ({});",
      `const log = Object.assign(${throws}, { enabled: true });
       export const createClientLogger = () => ({ verbose: log, info: log });`,
    ];
    for (const source of sources) {
      add("@azure/logger", source);
      assert.deepEqual(run(project, program, { AZURE_LOG_LEVEL: "verbose" }).lines, ["answered"]);
    }
  });

  function add(name: string, source: string | undefined): void {
    const folder = join(project, "node_modules", name);
    rmSync(folder, { recursive: true, force: true });
    if (source === undefined) return;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name, type: "module", main: "index.js" }));
    writeFileSync(join(folder, "index.js"), source);
  }
});

function said(name: string): string {
  return `console.error("loaded ${name}");`;
}

/** Runs a program among the packages of a folder. Its lines are those of standard error. */
function run(
  folder: string,
  program: string,
  environment: Record<string, string> = {},
  type: "module" | "commonjs" = "module",
): { lines: string[] } {
  const { AZURE_LOG_LEVEL: _level, DEBUG: _debug, ...others } = process.env;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--no-warnings", `--input-type=${type}`, "--eval", program],
    { cwd: folder, encoding: "utf8", env: { ...others, ...environment }, timeout: 120_000 },
  );
  assert.equal(status, 0, stderr + stdout);
  assertNoToken(stderr, "the lines that were logged");
  return { lines: stderr.split("\n").filter((line) => line !== "") };
}
