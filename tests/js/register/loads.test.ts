// Whatever way a program loads @azure/identity, and wherever that lies, its credentials have a cache.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import module from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { helpers, limits, nodeWithUnsoundHooks, packages, register, Stage, tokenOf } from "./stage.ts";

/** Prints the tokens of two calls, the starts of az that they took, and whether the class is still the copy's. */
const twice = `${helpers}
async function twice({ AzureCliCredential, DefaultAzureCredential, ChainedTokenCredential }) {
  const before = starts();
  const credential = new AzureCliCredential();
  const tokens = [await tokenOf(credential), await tokenOf(credential)];
  const isInstance = credential instanceof AzureCliCredential && new DefaultAzureCredential() instanceof ChainedTokenCredential;
  return { tokens, starts: starts() - before, isInstance, parameters: credential.getToken.length };
}
`;
const cached = { tokens: [tokenOf("ann"), tokenOf("ann")], starts: 1, isInstance: true, parameters: 2 };

const ways = {
  "an ES module": {
    name: "app.mjs",
    source: (from: string) => `import * as identity from "${from}";${twice}print(await twice(identity));`,
  },
  CommonJS: {
    name: "app.cjs",
    source: (from: string) => `const identity = require("${from}");${twice}twice(identity).then(print);`,
  },
  "import() in an ES module": {
    name: "app.mjs",
    source: (from: string) => `${twice}print(await twice(await import("${from}")));`,
  },
  "import() in CommonJS": {
    name: "app.cjs",
    source: (from: string) => `${twice}import("${from}").then(twice).then(print);`,
  },
  "a CommonJS file that an ES module imports": {
    name: "app.mjs",
    source: (from: string) =>
      `import identity from "./required.cjs";${twice}print(await twice(identity("${from}")));`,
  },
};
const required = "module.exports = (name) => require(name);";

for (const from of packages)
  for (const [way, { name, source }] of Object.entries(ways))
    test(`${from} by ${way}`, limits, async () => {
      using stage = new Stage();
      stage.write("required.cjs", required);
      assert.deepEqual((await stage.run(name, source(from))).printed, cached);
    });

/** Prints what both copies do, and whether they are one. */
const both = `import * as imported from "@azure/identity";
  import { createRequire } from "node:module";
  const required = createRequire(import.meta.url)("@azure/identity");
  ${twice}
  print([await twice(imported), await twice(required), imported.AzureCliCredential === required.AzureCliCredential]);`;

test("both kinds of copies in one program, a cache for each credential", limits, async () => {
  using stage = new Stage();
  assert.deepEqual((await stage.run("app.mjs", both)).printed, [cached, cached, false]);
});

test("beside tsx, which loads both kinds in its own way, whoever comes first", limits, async () => {
  using stage = new Stage();
  const tsx = ["--import", "tsx"];
  for (const flags of [
    [...tsx, ...register],
    [...register, ...tsx],
  ])
    assert.deepEqual((await stage.run("app.mjs", both, { flags })).printed, [cached, cached, false]);
});

/** What an ES module imports that is loaded by `require`: hooks in the program's thread are told, where Node has sound ones. */
const nodes = [
  { which: "this Node", node: process.execPath, isToldOfImports: "registerHooks" in module },
  { which: "a Node whose hooks would end the program", node: nodeWithUnsoundHooks, isToldOfImports: false },
];

for (const { which, node, isToldOfImports } of nodes)
  test(`ES modules that are loaded by require, ${which}`, limits, async () => {
    using stage = new Stage();
    stage.copyIdentity("node_modules/copied", "another-name");
    stage.write("module.mjs", 'export * from "@azure/identity";');
    const by = async (path: string) => {
      const source = `${twice}twice(require("${path}")).then(print);`;
      return (await stage.run("app.cjs", source, { node })).printed;
    };
    assert.deepEqual(await by("./node_modules/copied/dist/esm/index.js"), cached);
    const expected = isToldOfImports ? cached : { ...cached, starts: 2, parameters: 1 };
    assert.deepEqual(await by("./module.mjs"), expected);
  });

test("NODE_OPTIONS, also for the programs that the program starts", limits, async () => {
  using stage = new Stage();
  const env = { NODE_OPTIONS: "--import=azure-token-cache/register" };
  stage.write(
    "child.mjs",
    `import * as identity from "@azure/identity";${twice}print(await twice(identity));`,
  );
  const parent = `import { execFileSync } from "node:child_process";
    import * as identity from "@azure/identity";
    ${twice}
    const own = await twice(identity);
    print([own, JSON.parse(execFileSync(process.execPath, ["child.mjs"], { encoding: "utf8" }))]);`;
  assert.deepEqual((await stage.run("app.mjs", parent, { flags: [], env })).printed, [cached, cached]);
});

test("AZURE_TOKEN_CACHE=off: nothing is different", limits, async () => {
  using stage = new Stage();
  const source = `import * as identity from "@azure/identity";${twice}
    const original = identity.AzureCliCredential.prototype.getToken;
    print({ ...(await twice(identity)), symbols: Object.getOwnPropertySymbols(original).length });`;
  const off = await stage.run("app.mjs", source, { env: { AZURE_TOKEN_CACHE: "Off" } });
  const without = await stage.run("app.mjs", source, { flags: [] });
  assert.deepEqual(off.printed, { ...cached, starts: 2, parameters: 1, symbols: 0 });
  assert.deepEqual(off.printed, without.printed);
});

test("a copy is known by its package.json, whatever its folder is called", limits, async () => {
  using stage = new Stage();
  const folder = stage.copyIdentity("node_modules/.pnpm/a@4/node_modules/a", "a");
  const source = `import * as imported from "a";
    import { createRequire } from "node:module";
    ${twice}
    print([await twice(imported), await twice(createRequire(import.meta.url)("a"))]);`;
  assert.deepEqual((await stage.run("app.mjs", source)).printed, [cached, cached]);
  const path = join(folder, "package.json");
  const facts = JSON.parse(readFileSync(path, "utf8"));
  for (const change of [{ name: "another" }, { version: "4.12.9" }, { version: "3.99.0" }]) {
    writeFileSync(path, JSON.stringify({ ...facts, ...change }));
    const { printed } = await stage.run("app.mjs", source);
    const starts = (printed as { starts: number }[]).map(({ starts }) => starts);
    assert.deepEqual(starts, [2, 2], JSON.stringify(change));
  }
  writeFileSync(path, JSON.stringify({ ...facts, version: "5.0.0" }));
  assert.deepEqual((await stage.run("app.mjs", source)).printed, [cached, cached]);
});

test("beside the module hooks of others, whoever comes first", limits, async () => {
  using stage = new Stage();
  const hooks = stage.write(
    "hooks.mjs",
    `import { register } from "node:module";
    register("data:text/javascript,export async function load(url, context, next) { return next(url, context); }");`,
  );
  const source = `import * as identity from "@azure/identity";${twice}print(await twice(identity));`;
  const others = ["--import", hooks];
  for (const flags of [
    [...others, ...register],
    [...register, ...others],
  ])
    assert.deepEqual((await stage.run("app.mjs", source, { flags })).printed, cached);
  const late = `await import("./hooks.mjs"); const identity = await import("@azure/identity");
    ${twice}print(await twice(identity));`;
  assert.deepEqual((await stage.run("late.mjs", late)).printed, cached);
});

test("two copies of the package are one", limits, async () => {
  using stage = new Stage();
  const another = stage.copyPackage([
    "register.js",
    "register-hooks.js",
    "index.node.js",
    "core.wasm",
    "node.js",
  ]);
  const source = `import * as identity from "@azure/identity";${twice}
    const original = Symbol.for("azure-token-cache.original");
    const { getToken } = identity.AzureCliCredential.prototype;
    print([await twice(identity), original in getToken, original in getToken[original]]);`;
  const flags = [...register, "--import", join(another, "register.js"), ...register];
  assert.deepEqual((await stage.run("app.mjs", source, { flags })).printed, [cached, true, false]);
});

test(
  "a package with a part missing: the program goes on without a cache, and says so once",
  limits,
  async () => {
    using stage = new Stage();
    const another = stage.copyPackage(["register.js", "register-hooks.js"]);
    const source = `import * as identity from "@azure/identity";${twice}print([await twice(identity), await twice(identity)]);`;
    const flags = ["--import", join(another, "register.js")];
    const { printed, stderr } = await stage.run("app.mjs", source, { flags });
    const uncached = { ...cached, starts: 2 };
    assert.deepEqual(printed, [uncached, uncached]);
    assert.equal(stderr.match(/azure-token-cache: /g)?.length, 1, stderr);
  },
);

test("where no engine can run: the same", limits, async () => {
  using stage = new Stage();
  const source = `import * as identity from "@azure/identity";${twice}
    WebAssembly.Module = function () { throw new Error("no engine here"); };
    print([await twice(identity), await twice(identity)]);`;
  const { printed, stderr } = await stage.run("app.mjs", source);
  const uncached = { ...cached, starts: 2 };
  assert.deepEqual(printed, [uncached, uncached]);
  assert.equal(stderr.match(/azure-token-cache: no engine here/g)?.length, 1, stderr);
});
