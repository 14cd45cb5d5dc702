// Someone who works with az: logged in to the real one against the stand-in, the shim in front of it, and a store of their own.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { RealAz } from "../stand/az.ts";
import { alice } from "../stand/directory.ts";
import { startEntra } from "../stand/entra.ts";

/** `azure-token-cache`, as built for release. */
export const program = pathOf("target/release/azure-token-cache");
/** The real az, and the Python that it and azure-identity are installed for. */
export const realAz = pathOf("target/az-venv/bin/az");
export const python = pathOf("target/az-venv/bin/python");

/** The resource of all benches with one token. */
export const resource = "https://vault.azure.net";

/** `vault`: where the store's key is kept. What it leaves behind is removed when this process ends. */
export async function azUser({ vault }) {
  const entra = await startEntra();
  const az = await RealAz.create(entra);
  await az.login(alice);
  const folder = mkdtempSync(join(tmpdir(), "bench-az-user-"));
  // A key file lies in memory only.
  const runtime = mkdtempSync("/dev/shm/bench-az-user-");
  for (const name of ["bin", "state"]) mkdirSync(join(folder, name), { mode: 0o700 });
  symlinkSync(program, join(folder, "bin", "az"));
  const env = {
    ...az.environment,
    PATH: `${join(folder, "bin")}:${az.environment.PATH}`,
    XDG_STATE_HOME: join(folder, "state"),
    XDG_RUNTIME_DIR: runtime,
    AZURE_TOKEN_CACHE_VAULT: vault,
  };
  return {
    entra,
    env,
    tenantId: alice.tenantId,
    /** The shim, under the name by which az's callers start it. */
    shim: join(folder, "bin", "az"),
    /** How often az has been started by whoever found it on PATH, the shim included. */
    starts: async () => (await az.starts()).length,
    /** What a program prints; a failure is thrown with what it said. */
    run: (...command) => outputOf(command, env),
    async end() {
      await outputOf([program, "clear"], env);
      for (const path of [folder, runtime]) rmSync(path, { recursive: true, force: true });
      await az[Symbol.asyncDispose]();
      await entra.close();
    },
  };
}

/** Asynchronous: the stand-in answers from this process's event loop. */
function outputOf([path, ...args], env) {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    const texts = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"])
      child[stream].setEncoding("utf8").on("data", (text) => {
        texts[stream] += text;
      });
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve(texts.stdout) : reject(new Error(`${path} ended with ${code}: ${texts.stderr}`)),
    );
  });
}

function pathOf(name) {
  return fileURLToPath(new URL(`../../${name}`, import.meta.url));
}
