// Loads the native addon of this platform, if there is one.

// Asked for where they are used, not imported: each import of a builtin costs every program's start up to a millisecond,
// and that of node:fs, which brings node:fs/promises along, three.
const { dirname, join, toNamespacedPath } = process.getBuiltinModule("node:path");

declare const __filename: string | undefined;
/** Written by the build. */
declare const PACKAGE_VERSION: string | undefined;

/** Of a store that the addon performs, whichever copy of this package made it: its `NearStore`. */
export const nativeStore: unique symbol = Symbol.for("azure-token-cache.native-store") as never;

let loaded: { readonly exports: object | undefined } | undefined;

/** What the addon exports; undefined without one for this platform, and with `ATC_ADDON=off`. */
export function addon<Exports>(): Partial<Exports> | undefined {
  if (process.env["ATC_ADDON"] === "off") return undefined;
  loaded ??= { exports: typeof PACKAGE_VERSION === "string" ? loadOnce(PACKAGE_VERSION) : load() };
  return loaded.exports as Partial<Exports> | undefined;
}

/** The files of one version of this package share one addon: the second one does not even look for it. */
function loadOnce(version: string): object | undefined {
  const known = shared().get(version);
  if (known !== undefined) return known;
  const exports = load();
  if (exports !== undefined) shared().set(version, exports);
  return exports;
}

/** By version and by path: what is loaded twice has classes of its own, and makes only those of the last one. */
function shared(): Map<string, object> {
  const key = Symbol.for("azure-token-cache.addons");
  const realm = globalThis as { [key]?: Map<string, object> };
  realm[key] ??= new Map();
  return realm[key];
}

function load(): object | undefined {
  const here = thisFile();
  if (here === undefined) return undefined;
  for (const path of candidates(here)) {
    const exports = tryLoad(path);
    if (exports !== undefined) return exports;
  }
  return undefined;
}

/** A file for another platform, or one that this system's loader refuses, is as none: there is a fallback. */
function tryLoad(path: string): object | undefined {
  const known = shared().get(path);
  if (known !== undefined) return known;
  if (!process.getBuiltinModule("node:fs").existsSync(path)) return undefined;
  try {
    // Not required: that takes half a millisecond more.
    const module = { exports: {} };
    process.dlopen(module, toNamespacedPath(path));
    shared().set(path, module.exports);
    return module.exports;
  } catch {
    return undefined;
  }
}

/** Beside this file; and, when this file was bundled into an application, in the installed package. */
function* candidates(here: string): Generator<string> {
  yield* addonsIn(dirname(here));
  // Looked up only then: that takes a millisecond.
  const installed = installedPackage(here);
  if (installed !== undefined) yield* addonsIn(join(installed, "dist"));
}

function addonsIn(folder: string): string[] {
  return platformNames().map((name) => join(folder, `azure-token-cache.${name}.node`));
}

/** There is none where the application was bundled and shipped without the package. */
function installedPackage(here: string): string | undefined {
  try {
    const require = process.getBuiltinModule("node:module").createRequire(here);
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
