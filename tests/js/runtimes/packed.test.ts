// The packed package, imported, required, bundled and minified, and then used, in every runtime it is for.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { nodeFileTrace } from "@vercel/nft";
import { type BuildOptions, build } from "esbuild";
import { fakeToken } from "../../leaks/search.mjs";
import { Stand } from "../store/stand.ts";
import { printedInChromium } from "./chromium.ts";
import { binary, PackedPackage } from "./packed.ts";
import { PretendedAz } from "./pretended-az.ts";

const nodeMajors = [20, 22, 24];

let packed: PackedPackage;
before(() => {
  packed = new PackedPackage();
});
after(() => packed[Symbol.dispose]());

test("the tarball holds what is promised and no sources", () => {
  const folder = join(packed.folder, "node_modules/azure-token-cache");
  for (const file of ["package.json", "README.md", "LICENSE", "dist/index.js", "dist/core.wasm"])
    assert.ok(existsSync(join(folder, file)), file);
  for (const file of ["core", "wasm", "host", "node", "tests", "Cargo.toml", "target"])
    assert.ok(!existsSync(join(folder, file)), file);
});

test("no Rust is to be found", () => {
  assert.throws(() => packed.run("cargo", ["--version"]), /ENOENT/);
});

for (const major of nodeMajors) {
  for (const program of ["use.mjs", "use.cjs", "use-node.mjs", "use-plugin.mjs", "use-redis.mjs"])
    test(`Node ${major} runs ${program}`, () => {
      assert.equal(packed.run(node(major), [program]), "used\n");
    });
}

for (const major of nodeMajors) {
  for (const program of ["use-register.mjs", "use-register.cjs"])
    test(`Node ${major} runs ${program}, which knows nothing of a cache, with one`, () => {
      packed.link("@azure/identity");
      assert.equal(packed.run(node(major), ["--import", "azure-token-cache/register", program]), "used\n");
      assert.throws(() => packed.run(node(major), [program]), /2 starts of az for two calls/);
    });
}

test("its program is the native one, and its exit codes come through", () => {
  const { bin, version } = JSON.parse(
    readFileSync(join(packed.folder, "node_modules/azure-token-cache/package.json"), "utf8"),
  ) as { bin: Record<string, string>; version: string };
  const program = join("node_modules/azure-token-cache", bin["azure-token-cache"] ?? "");
  assert.equal(packed.run(node(20), [program, "--version"]), `azure-token-cache ${version}\n`);
  assert.throws(() => packed.run(node(20), [program, "get-token", "--nonsense"]), /--nonsense/);
});

test("npx runs its program: a token of az's, then the same without az, and the exit codes", async () => {
  using stand = new Stand();
  const az = new PretendedAz(join(packed.folder, "az-of-npx"));
  const store = {
    XDG_STATE_HOME: stand.state,
    XDG_RUNTIME_DIR: stand.runtime,
    AZURE_TOKEN_CACHE_VAULT: "key-file",
  };
  const ask = (...flags: string[]) =>
    packed.npx(["azure-token-cache", "get-token", ...flags], { ...az.environment, ...store });
  const output = ["--resource", "https://vault.azure.net", "--output", "token"];
  az.logIn("alice");
  assert.deepEqual(await ask(...output), { code: 0, stdout: `${fakeToken("of-alice")}\n`, stderr: "" });
  az.uninstall();
  assert.deepEqual(await ask(...output), { code: 0, stdout: `${fakeToken("of-alice")}\n`, stderr: "" });
  const misused = await ask("--nonsense");
  assert.deepEqual([misused.code, misused.stdout], [2, ""]);
  assert.match(misused.stderr, /--nonsense/);
  az.logOut();
  const nobody = await ask(...output);
  assert.deepEqual([nobody.code, nobody.stdout], [3, ""]);
  assert.match(nobody.stderr, /az login/);
});

test("Bun runs it", () => {
  const bun = binary("@oven/bun-linux-x64/bin/bun");
  for (const program of ["use.mjs", "use.cjs", "use-node.mjs", "use-plugin.mjs", "use-redis.mjs"])
    assert.equal(packed.run(bun, ["run", program]), "used\n");
});

test("Deno runs it", () => {
  const deno = binary("@deno/linux-x64-glibc/deno");
  for (const program of ["use.mjs", "use-node.mjs", "use-plugin.mjs", "use-redis.mjs"])
    assert.equal(
      packed.run(deno, [
        "run",
        "--quiet",
        "--allow-all",
        "--no-remote",
        "--node-modules-dir=manual",
        program,
      ]),
      "used\n",
    );
});

test("workerd runs it, the wasm files as modules of their own", async () => {
  await bundle({
    entryPoints: ["worker.mjs"],
    outfile: "workerd/worker.mjs",
    format: "esm",
    platform: "neutral",
    conditions: ["workerd", "worker"],
    external: ["*.wasm"],
  });
  copyFileSync(join(packed.folder, "workerd.capnp"), join(packed.folder, "workerd/workerd.capnp"));
  for (const file of ["core.wasm", "store.wasm"])
    copyFileSync(
      join(packed.folder, "node_modules/azure-token-cache/dist", file),
      join(packed.folder, "workerd", file),
    );
  packed.run(binary("@cloudflare/workerd-linux-64/bin/workerd"), ["test", "workerd/workerd.capnp"]);
});

for (const format of ["esm", "cjs"] as const)
  test(`bundled and minified for Node as ${format}`, async () => {
    const outfile = `node-${format}.${format === "esm" ? "mjs" : "cjs"}`;
    await bundle({ entryPoints: ["use-bundled.mjs"], outfile, format, platform: "node" });
    for (const major of nodeMajors) assert.equal(packed.run(node(major), [outfile]), "used\n");
  });

test("tools that collect a program's files find those that are read when they are needed", async () => {
  const { fileList } = await nodeFileTrace([join(packed.folder, "use.mjs")], { base: packed.folder });
  for (const file of ["index.node.js", "core.wasm", "partitions.cjs", "store.js"])
    assert.ok(fileList.has(`node_modules/azure-token-cache/dist/${file}`), file);
});

test("bundled for Node it is one file, and needs nothing beside it", async () => {
  const alone = mkdtempSync(join(tmpdir(), "bundled-"));
  try {
    const outfile = join(alone, "program.mjs");
    await bundle({ entryPoints: ["use-bundled.mjs"], outfile, format: "esm", platform: "node" });
    assert.equal(packed.run(node(20), [outfile]), "used\n");
    // By a bundler that does not honour the condition "module", what is missing is named.
    await bundle({
      entryPoints: ["use-bundled.mjs"],
      outfile,
      format: "esm",
      platform: "node",
      conditions: ["nothing"],
      // Node prints the line of an error: half a megabyte of it would be cut in a pipe.
      lineLimit: 120,
    });
    assert.throws(() => packed.run(node(20), [outfile]), /: core\.wasm is not beside/);
  } finally {
    rmSync(alone, { recursive: true, force: true });
  }
});

for (const format of ["esm", "iife"] as const)
  test(`bundled and minified for browsers as ${format}: nothing of Node in it`, async () => {
    const outfile = `browser-${format}.mjs`;
    await bundle({ entryPoints: ["use-bundled.mjs"], outfile, format, platform: "browser" });
    assert.doesNotMatch(readFileSync(join(packed.folder, outfile), "utf8"), /node:|\brequire\(/);
    assert.equal(packed.run(node(24), [outfile]), "used\n");
    assert.equal(await printedInChromium(packed.folder, outfile, format), "used");
  });

for (const [name, settings] of Object.entries({
  node16: { module: "node16", moduleResolution: "node16" },
  nodenext: { module: "nodenext", moduleResolution: "nodenext" },
  bundler: { module: "esnext", moduleResolution: "bundler" },
}))
  test(`its types resolve under ${name}`, () => compile(settings, ["consumer.ts"]));

for (const module of ["node20", "nodenext"])
  test(`its types resolve from CommonJS under ${module}`, () => compile({ module }, ["consumer.cts"]));

/** With no types but the language's and the browser's: the package brings its own. */
function compile(settings: object, files: readonly string[]): void {
  const options = {
    target: "es2022",
    lib: ["es2022", "esnext.disposable", "dom"],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    ...settings,
  };
  writeFileSync(
    join(packed.folder, "types/tsconfig.json"),
    JSON.stringify({ compilerOptions: options, files }),
  );
  packed.run(process.execPath, [binary("typescript/bin/tsc"), "--project", "types/tsconfig.json"]);
}

async function bundle(options: BuildOptions): Promise<void> {
  await build({
    ...options,
    absWorkingDir: packed.folder,
    bundle: true,
    minify: true,
    logLevel: "silent",
  });
}

function node(major: number): string {
  return binary(`node-${major}/bin/node`);
}
