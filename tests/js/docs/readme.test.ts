// Every JavaScript example of the README runs as it stands, and every path that the documents name exists.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const documents = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...documentsIn("docs")];
// Inside the package, so that an example finds it by its name.
const folder = join(root, "target", "documents");

for (const [index, example] of examplesOf("README.md").entries()) {
  test(`README, example ${index + 1} runs`, () => {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `readme-${process.version}-${index + 1}.mjs`);
    writeFileSync(file, example);
    const { status } = spawnSync(process.execPath, [file], { stdio: "inherit", timeout: 60_000 });
    assert.equal(status, 0);
  });
}

test("the README has examples", () => {
  assert.ok(examplesOf("README.md").length >= 4);
});

for (const document of documents) {
  test(`${document} names only what exists`, () => {
    const text = readFileSync(join(root, document), "utf8");
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link]) =>
      join(dirname(document), link ?? ""),
    );
    const paths = [...text.matchAll(/`((?:core|wasm|host|node|tests|build|docs|examples)\/[\w./-]*)`/g)].map(
      ([, path]) => path ?? "",
    );
    const missing = [...links, ...paths].filter((path) => !existsSync(join(root, path)));
    assert.deepEqual(missing, []);
  });
}

test("every npm script that a document names exists", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const named = documents.flatMap((document) =>
    [...readFileSync(join(root, document), "utf8").matchAll(/npm run ([\w-]+)/g)].map(
      ([, name]) => name ?? "",
    ),
  );
  assert.deepEqual(
    named.filter((name) => !(name in scripts)),
    [],
  );
});

test("every measure that a document names exists", () => {
  const named = documents.flatMap((document) =>
    [...readFileSync(join(root, document), "utf8").matchAll(/bench -- --only=([\w-]+)/g)].map(
      ([, name]) => name ?? "",
    ),
  );
  assert.ok(named.length > 0);
  assert.deepEqual(
    named.filter((name) => !existsSync(join(root, "tests/bench/measures", `${name}.mjs`))),
    [],
  );
});

function examplesOf(document: string): string[] {
  const text = readFileSync(join(root, document), "utf8");
  return [...text.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code]) => code ?? "");
}

function documentsIn(path: string): string[] {
  return readdirSync(join(root, path), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => join(path, file));
}
