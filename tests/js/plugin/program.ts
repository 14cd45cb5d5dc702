// Runs programs that sign in with the plugin, each in a process of its own, on the Entra ID stand-in and a folder of a test's own.
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { robot } from "../../stand/directory.ts";
import type { Entra } from "../../stand/entra.ts";
import { run as runProgram } from "../../stand/run.ts";
import { Stand } from "../store/stand.ts";
import type { Task, Told } from "./program.subject.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const subject = fileURLToPath(new URL("program.subject.ts", import.meta.url));

/** A test with a folder of its own. */
export function pluginTest(name: string, body: (stand: Stand) => Promise<void>): void {
  test(name, { timeout: 300_000 }, async () => {
    using stand = new Stand();
    await body(stand);
  });
}

/** What it printed, and what it said on standard error. */
export async function run(
  entra: Entra,
  stand: Stand,
  task: Task,
  environment: Record<string, string> = {},
): Promise<{ told: Told[]; warnings: string }> {
  const { code, stdout, stderr } = await runProgram(
    process.execPath,
    ["--import", "tsx", subject, JSON.stringify(task)],
    {
      cwd: root,
      env: { ...stand.environment, NODE_EXTRA_CA_CERTS: entra.caPath, ...environment },
      timeout: 120_000,
    },
  ).ended;
  if (code !== 0) throw new Error(`the program ended with ${code}: ${stderr}`);
  const lines = stdout.split("\n").filter((line) => line !== "");
  return { told: lines.map((line) => JSON.parse(line) as Told), warnings: stderr };
}

/** For all credentials on the stand. */
export function onStand(entra: Entra): Record<string, unknown> {
  return { authorityHost: entra.url, disableInstanceDiscovery: true };
}

/** An application with a secret. */
export function application(entra: Entra, persistence?: object, plugin: Task["plugin"] = keyFile): Task {
  return {
    credential: "ClientSecret",
    args: [robot.tenantId, robot.appId, robot.secret],
    options: { ...onStand(entra), ...(persistence && { tokenCachePersistenceOptions: persistence }) },
    plugin,
    calls: [{ scope }],
  };
}

export const keyFile = { vault: "key-file" } as const;

export const scope = "https://storage.azure.com/.default";
