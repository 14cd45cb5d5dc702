// Finds the files that are shipped beside this one: the addon, the engine's wasm, and what few programs need.

import { TokenCacheError } from "../../wasm/ts/errors.ts";

// Asked for where they are used, not imported: each import of a builtin costs every program's start up to a millisecond,
// and that of node:fs, which brings node:fs/promises along, three.
const { dirname, join } = process.getBuiltinModule("node:path");

declare const __filename: string | undefined;

/** A file of this package is not where its others are. */
export class PackageFileError extends TokenCacheError {
  constructor(name: string, here: string | undefined) {
    super(
      "PACKAGE_FILE",
      `${name} is not beside ${here ?? "the program"}, nor in an installed azure-token-cache: ship the package's dist folder with the program, or have the bundler honour the export condition "module", which keeps all in one file`,
    );
    this.name = "PackageFileError";
  }
}

/**
 * Where a file of this package may be: beside this one; and, where this one was bundled into an application, in the installed
 * package.
 */
export function* placesOf(...names: readonly string[]): Generator<string> {
  const here = thisFile();
  if (here === undefined) return;
  for (const name of names) yield join(dirname(here), name);
  // Looked up only then: that takes a millisecond.
  const installed = installedPackage(here);
  if (installed === undefined) return;
  for (const name of names) yield join(installed, "dist", name);
}

/**
 * What `read` makes of a file of this package, by its path. `beside` is written where it is called, as `pathOf(new URL("./NAME",
 * import.meta.url))`: by this form tools that collect a program's files know that it is one of them.
 *
 * @throws PackageFileError where it is neither there nor in the installed package.
 */
export function readPackageFile<T>(name: string, beside: () => string, read: (path: string) => T): T {
  for (const path of pathsOf(name, beside)) {
    try {
      return read(path);
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
  }
  throw new PackageFileError(name, thisFile());
}

/** The path of a file's URL. */
export function pathOf(url: string | URL): string {
  return process.getBuiltinModule("node:url").fileURLToPath(url);
}

/** The `require` of a file. */
export function requireFrom(path: string): NodeJS.Require {
  return process.getBuiltinModule("node:module").createRequire(path);
}

function* pathsOf(name: string, beside: () => string): Generator<string> {
  // A bundler that writes CommonJS leaves `import.meta.url` empty.
  if (import.meta.url !== undefined) yield beside();
  yield* placesOf(name);
}

function isAbsent(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === "ENOENT" || code === "MODULE_NOT_FOUND";
}

/** There is none where the application was bundled and shipped without the package. */
function installedPackage(here: string): string | undefined {
  try {
    return dirname(requireFrom(here).resolve("azure-token-cache/package.json"));
  } catch {
    return undefined;
  }
}

/** A bundler that writes CommonJS leaves `import.meta.url` empty, and there is `__filename`. */
function thisFile(): string | undefined {
  const url: string | undefined = import.meta.url;
  if (url !== undefined) return pathOf(url);
  return typeof __filename === "string" ? __filename : undefined;
}
