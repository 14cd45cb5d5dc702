// The import check passes the order of the house and names every way around it.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { checkImports } from "../../../build/check-imports.mjs";

const allowed: Record<string, string> = {
  "core/Cargo.toml": "[dev-dependencies]\nproptest = '1'\n",
  "core/src/lib.rs": '#[path = "inner.rs"]\nmod inner;\n',
  "host/Cargo.toml": "[dependencies]\nazure-token-cache-core.workspace = true\n",
  "node/Cargo.toml": "[dependencies]\nazure-token-cache-core = {}\nazure-token-cache-host = {}\n",
  "wasm/Cargo.toml":
    "[package]\nname = 'azure-token-cache-wasm'\n[dependencies]\nazure-token-cache-core = {}\n",
  "wasm/ts/index.ts":
    'import { a } from "./engine.ts";\nimport "azure-token-cache/core";\nimport m from "./core.wasm";\n',
  "wasm/ts/late.ts": 'await import("@azure/logger");\n',
  "node/ts/index.ts":
    'import { readFileSync } from "node:fs";\nexport { a } from "../../wasm/ts/index.ts";\nawait import("./late.ts");\n',
};

test("the order of the house passes", () => {
  check(allowed);
});

const violations: [string, string, string][] = [
  ["core depends on host", "core/Cargo.toml", "[dependencies]\nazure-token-cache-host = {}\n"],
  [
    "core depends on wasm, in a table of its own",
    "core/Cargo.toml",
    "[dependencies.azure-token-cache-wasm]\n",
  ],
  [
    "host depends on node",
    "host/Cargo.toml",
    "[target.'cfg(unix)'.dependencies]\nazure-token-cache-node = {}\n",
  ],
  ["wasm depends on host", "wasm/Cargo.toml", "[dependencies]\nazure-token-cache-host.workspace = true\n"],
  ["core takes in a file of host", "core/src/lib.rs", '#[path = "../../host/src/run.rs"]\nmod run;\n'],
  [
    "core includes a file of tests",
    "core/src/lib.rs",
    'const A: &str = include_str!("../../tests/a.json");\n',
  ],
  ["wasm/ts imports node/ts", "wasm/ts/index.ts", 'import { a } from "../../node/ts/index.ts";\n'],
  ["wasm/ts imports node/ts late", "wasm/ts/index.ts", 'await import("../../node/ts/index.ts");\n'],
  [
    "wasm/ts imports a type of node/ts",
    "wasm/ts/index.ts",
    'import type { A } from "../../node/ts/index.ts";\n',
  ],
  ["wasm/ts imports Node's modules", "wasm/ts/index.ts", 'import { readFileSync } from "node:fs";\n'],
  [
    "wasm/ts imports a package of the program at once",
    "wasm/ts/index.ts",
    'import { setLogLevel } from "@azure/logger";\n',
  ],
  ["wasm/ts loads a package that it may not", "wasm/ts/index.ts", 'await import("@opentelemetry/api");\n'],
  ["node/ts imports the tests", "node/ts/index.ts", 'export * from "../../tests/stand/server.ts";\n'],
  [
    "node/ts imports a package",
    "node/ts/index.ts",
    'import { AzureCliCredential } from "@azure/identity";\n',
  ],
];

for (const [name, path, content] of violations) {
  test(`refused: ${name}`, () => {
    assert.throws(
      () => check({ ...allowed, [path]: content }),
      (error: Error) => error.message.includes(path),
    );
  });
}

function check(files: Record<string, string>): void {
  const root = mkdtempSync(join(tmpdir(), "imports-"));
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }
    checkImports(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
