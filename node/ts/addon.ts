// Loads the native addon of this platform, if there is one.

import { placesOf } from "./package-files.ts";

const { toNamespacedPath } = process.getBuiltinModule("node:path");

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
  for (const path of placesOf(...platformNames().map((name) => `azure-token-cache.${name}.node`))) {
    const exports = tryLoad(path);
    if (exports !== undefined) return exports;
  }
  return undefined;
}

/** A file that is not there, or that this system's loader refuses, is as none: there is a fallback. */
function tryLoad(path: string): object | undefined {
  const known = shared().get(path);
  if (known !== undefined) return known;
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

/** What files of this platform have in their names. */
export function platformNames(): string[] {
  const name = `${process.platform}-${process.arch}`;
  if (process.platform === "linux") return [`${name}-gnu`, `${name}-musl`];
  return [process.platform === "win32" ? `${name}-msvc` : name];
}
