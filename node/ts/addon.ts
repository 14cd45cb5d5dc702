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
function candidates(here: string, require: NodeJS.Require): string[] {
  const folders = [dirname(here)];
  try {
    folders.push(join(dirname(require.resolve("azure-token-cache/package.json")), "dist"));
  } catch {
    // The application was bundled and shipped without the package.
  }
  return folders.flatMap((folder) =>
    platformNames().map((name) => join(folder, `azure-token-cache.${name}.node`)),
  );
}

function platformNames(): string[] {
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
