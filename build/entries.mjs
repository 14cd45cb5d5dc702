// The files of dist/ and the source that each begins with.

/**
 * `source` is bundled, with all that it imports by relative path, into one self-contained file, `file`. `platform` says
 * whether Node's own modules exist there. What is `late` the others load by `import()`, and have no copy of. In an entry with a
 * `variant` V a file X.V.ts takes the place of the X.ts beside it.
 */
export const entries = [
  { file: "index.js", source: "wasm/ts/index.ts", platform: "neutral" },
  { file: "index.workerd.js", source: "wasm/ts/index.workerd.ts", platform: "neutral", variant: "workerd" },
  // For programs that Node itself loads: what few of them need, and what need not be parsed, is in files beside it.
  { file: "index.node.js", source: "node/ts/index.ts", platform: "node", late: true, variant: "split" },
  { file: "partitions.cjs", source: "node/ts/partition/partition.ts", platform: "node", format: "cjs" },
  // The same in one file: for bundlers, which the export condition "module" leads here, and for Deno, whose programs may have no
  // permission to read files.
  { file: "index.bundle.js", source: "node/ts/index.ts", platform: "node" },
  { file: "core.js", source: "wasm/ts/core.ts", platform: "neutral" },
  { file: "core.workerd.js", source: "wasm/ts/core.workerd.ts", platform: "neutral", variant: "workerd" },
  { file: "testing.js", source: "wasm/ts/testing.ts", platform: "neutral" },
  { file: "node.js", source: "node/ts/node.ts", platform: "node", late: true },
  { file: "redis.js", source: "node/ts/redis/redis.ts", platform: "node" },
  { file: "plugin.js", source: "node/ts/plugin/plugin.ts", platform: "node" },
  { file: "program.js", source: "node/ts/program.ts", platform: "node" },
  { file: "register.js", source: "node/ts/register/register.ts", platform: "node" },
  { file: "register-hooks.js", source: "node/ts/register/hooks.ts", platform: "node" },
  // az.js and login-files.js are loaded where there is no addon, az-runner.js where az is run, store.js where a store has no
  // token. So the others stay small.
  { file: "login-files.js", source: "node/ts/login-watch/file-witness.ts", platform: "node", late: true },
  { file: "az-runner.js", source: "node/ts/runner/choose.ts", platform: "node", late: true },
  { file: "az.js", source: "wasm/ts/az.ts", platform: "neutral", late: true },
  { file: "store.js", source: "wasm/ts/store.ts", platform: "neutral", late: true },
  {
    file: "store.workerd.js",
    source: "wasm/ts/store.ts",
    platform: "neutral",
    late: true,
    variant: "workerd",
  },
];
