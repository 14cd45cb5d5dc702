// Loads the native addon of this platform, if there is one.

// Asked for where they are used, not imported: each import of a builtin costs every program's start up to a millisecond,
// and that of node:fs, which brings node:fs/promises along, three.
const { dirname, join } = process.getBuiltinModule("node:path");

declare const __filename: string | undefined;

let loaded: { readonly exports: object | undefined } | undefined;

/** What the addon exports; undefined without one for this platform, and with `ATC_ADDON=off`. */
export function addon<Exports>(): Partial<Exports> | undefined {
  if (process.env["ATC_ADDON"] === "off") return undefined;
  loaded ??= { exports: load() };
  return loaded.exports as Partial<Exports> | undefined;
}

function load(): object | undefined {
  const here = thisFile();
  if (here === undefined) return undefined;
  const require = process.getBuiltinModule("node:module").createRequire(here);
  for (const path of candidates(here, require)) {
    const exports = tryLoad(require, path);
    if (exports !== undefined) return exports;
  }
  return undefined;
}

/** A file for another platform, or one that this system's loader refuses, is as none: there is a fallback. */
function tryLoad(require: NodeJS.Require, path: string): object | undefined {
  if (!process.getBuiltinModule("node:fs").existsSync(path)) return undefined;
  try {
    return require(path) as object;
  } catch {
    return undefined;
  }
}

/** Beside this file; and, when this file was bundled into an application, in the installed package. */
function* candidates(here: string, require: NodeJS.Require): Generator<string> {
  yield* addonsIn(dirname(here));
  // Looked up only then: that takes a millisecond.
  const installed = installedPackage(require);
  if (installed !== undefined) yield* addonsIn(join(installed, "dist"));
}

function addonsIn(folder: string): string[] {
  return platformNames().map((name) => join(folder, `azure-token-cache.${name}.node`));
}

/** There is none where the application was bundled and shipped without the package. */
function installedPackage(require: NodeJS.Require): string | undefined {
  try {
    return dirname(require.resolve("azure-token-cache/package.json"));
  } catch {
    return undefined;
  }
}

/** What files of this platform have in their names. */
export function platformNames(): string[] {
  const name = `${process.platform}-${process.arch}`;
  if (process.platform === "linux") return [`${name}-gnu`, `${name}-musl`];
  return [process.platform === "win32" ? `${name}-msvc` : name];
}

/** A bundler that writes CommonJS leaves `import.meta.url` empty, and there is `__filename`. */
function thisFile(): string | undefined {
  const url: string | undefined = import.meta.url;
  if (url !== undefined) return process.getBuiltinModule("node:url").fileURLToPath(url);
  return typeof __filename === "string" ? __filename : undefined;
}
