// The stand-in as a process of its own, driven by lines of JSON.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { robot } from "../../stand/directory.ts";
import { identity } from "../../stand/identity.ts";

const program = fileURLToPath(new URL("../../stand/main.ts", import.meta.url));

test("a stand in a process of its own issues tokens, obeys, and ends with its stdin", async () => {
  const child = spawn(process.execPath, ["--import", "tsx", program], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? "null");
  const order = (command: object) => {
    child.stdin.write(`${JSON.stringify(command)}\n`);
    return next();
  };
  const { url, caPath } = await next();
  const credential = new identity.ClientSecretCredential(robot.tenantId, robot.appId, robot.secret, {
    authorityHost: url,
    disableInstanceDiscovery: true,
    tlsOptions: { ca: readFileSync(caPath, "utf8") },
    retryOptions: { maxRetries: 0 },
  });
  assert.deepEqual(await order({ do: "token", token: { lifetimeSeconds: 900 } }), { done: null });
  const { expiresOnTimestamp } = await credential.getToken("https://vault.azure.net/.default");
  const { done: requests } = await order({ do: "requests" });
  assert.equal(requests.byResource["https://vault.azure.net"], 1);
  assert.ok(Math.abs(expiresOnTimestamp - requests.list[0].outcome.expiresAtUnixMs) <= 1_000);
  await order({ do: "outage" });
  await assert.rejects(credential.getToken("https://storage.azure.com/.default"));
  assert.match((await order({ do: "nonsense" })).error, /no such command/);
  child.stdin.end();
  const [code] = await once(child, "exit");
  assert.equal(code, 0);
  assert.ok(!existsSync(caPath));
});
