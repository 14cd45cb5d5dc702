// Step: the peer of our plugin, @azure/identity-cache-persistence, and the native part of its keytar, compiled here.
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "../command.mjs";
import { root } from "../root.mjs";

const source = "tests/bench/cache-persistence";
/** Where its packages are, below the checkout. */
const folder = "target/bench-cache-persistence";
const native = `${folder}/node_modules/keytar/build/Release/keytar.node`;

/** What a program imports. */
export const cachePersistencePath = join(
  root,
  folder,
  "node_modules/@azure/identity-cache-persistence/dist/esm/index.js",
);

export const cachePersistence = {
  name: "cache-persistence",
  says: `installs @azure/identity-cache-persistence into ${folder} and compiles its keytar`,
  inputs: [source, "build/steps/cache-persistence.mjs"],
  outputs: () => [native],
  run() {
    const cwd = join(root, folder);
    cpSync(join(root, source), cwd, { recursive: true });
    // keytar's own script would ask GitHub for a build of it.
    run("npm", ["ci", "--ignore-scripts"], { cwd });
    compileKeytar(join(cwd, "node_modules"));
  },
};

/** As its binding.gyp says, without node-gyp, which would ask nodejs.org for Node's headers: they come from npm. */
function compileKeytar(packages) {
  const keytar = join(packages, "keytar");
  const libsecret = (flags) => run("pkg-config", [flags, "libsecret-1"]).trim().split(" ");
  const headers = [join(packages, "node-api-headers/include"), join(packages, "node-addon-api")];
  const defines = ["NAPI_VERSION=3", "NODE_GYP_MODULE_NAME=keytar", "BUILDING_NODE_EXTENSION"];
  mkdirSync(join(keytar, "build/Release"), { recursive: true });
  run("g++", [
    ...["-std=c++17", "-O3", "-fPIC", "-shared"],
    ...defines.map((name) => `-D${name}`),
    ...headers.map((path) => `-I${path}`),
    ...libsecret("--cflags"),
    ...["async", "main", "keytar_posix"].map((name) => join(keytar, "src", `${name}.cc`)),
    ...["-o", join(root, native)],
    ...libsecret("--libs"),
  ]);
}
