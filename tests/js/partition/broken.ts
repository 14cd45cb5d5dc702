// The derivation of keys, broken on purpose: the sources of today with one thing replaced, bundled anew.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

export interface Broken {
  readonly name: string;
  readonly keyOf: typeof import("./keys.ts").keyOf;
}

interface Break {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const identity = "partition/identity.ts";

const breaks: readonly Break[] = [
  {
    name: "no length before a part",
    file: "entry-key.ts",
    from: "  const key = new Uint8Array(",
    to: "  if (encoded.length >= 0) return Uint8Array.from(encoded.flatMap((part) => [...part]));\n  const key = new Uint8Array(",
  },
  {
    name: "the name of the class alone",
    file: identity,
    from: "partition: entryKey(parts)",
    to: "partition: entryKey(parts.slice(0, 2))",
  },
  { name: "no secrets", file: identity, from: "if (secrets !== undefined)", to: "if (secrets === null)" },
  { name: "no texts", file: identity, from: "if (texts !== undefined)", to: "if (texts === null)" },
  { name: "no tenant", file: identity, from: '"authority", application.authority', to: '"authority", ""' },
  { name: "no client", file: identity, from: '"client", application.clientId', to: '"client", ""' },
  {
    name: "no tenants that are allowed",
    file: identity,
    from: "entryKey([...new Set(names)].sort())",
    to: "entryKey([])",
  },
  {
    name: "facts without their names",
    file: identity,
    from: "[name, String(value)]",
    to: '["", String(value)]',
  },
  {
    name: "one form of a letter for all",
    file: identity,
    from: "[name, String(value)]",
    to: '[name, String(value).normalize("NFC")]',
  },
  {
    name: "secrets as they are",
    file: identity,
    from: "digest(known, part) : part",
    to: "part : part",
  },
  {
    name: "no difference between what is named and what is told",
    file: "shelf-partition.ts",
    from: `["named", this.#partition.named]`,
    to: `["told", this.#partition.named]`,
  },
  {
    name: "chains that are their parts",
    file: "partition.ts",
    from: 'entryKey(["chain 1", name, ...told.map((part) => part.partition)])',
    to: "told.map((part) => part.partition).sort()[0] as Uint8Array",
  },
];

export async function brokenDerivations(): Promise<Broken[]> {
  const folder = mkdtempSync(join(tmpdir(), "broken-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return Promise.all(breaks.map((one, at) => bundled(one, join(folder, `${at}.mjs`))));
}

async function bundled({ name, file, from, to }: Break, outfile: string): Promise<Broken> {
  let replaced = 0;
  await build({
    entryPoints: [join(import.meta.dirname, "keys.ts")],
    bundle: true,
    platform: "node",
    // As in the package.
    external: ["*.wasm"],
    format: "esm",
    outfile,
    logLevel: "error",
    plugins: [
      {
        name: "break",
        setup({ onLoad }) {
          onLoad({ filter: /\.ts$/ }, ({ path }) => {
            if (!path.endsWith(`/${file}`)) return undefined;
            const source = readFileSync(path, "utf8");
            assert.ok(source.includes(from), `${file} has ${from}`);
            replaced += 1;
            return { contents: source.replace(from, to), loader: "ts" };
          });
        },
      },
    ],
  });
  assert.equal(replaced, 1);
  const keys = (await import(pathToFileURL(outfile).href)) as typeof import("./keys.ts");
  await keys.ready();
  return { name, keyOf: keys.keyOf };
}
