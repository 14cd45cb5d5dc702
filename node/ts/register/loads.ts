// Sees the source of each file that the program loads, as an ES module or CommonJS, under every Node.
import { type Loaded, loadedWithAddition, withAddition } from "./source.ts";

type Others = readonly unknown[];
type Compile = (this: unknown, content: string, filename: string, ...others: Others) => unknown;
type NextLoad = (url: string, context: unknown) => Loaded;

interface Reading {
  readFile(this: unknown, path: unknown, ...others: Others): Promise<string | Buffer>;
}

/** What the types of Node 20 do not know. */
interface NewerModule {
  readonly registerHooks?: (hooks: {
    load(url: string, context: unknown, nextLoad: NextLoad): Loaded;
  }) => void;
}

// Asked for, not imported: an import of a builtin costs every program's start.
const module = process.getBuiltinModule("node:module");

/** Resolves when no load is missed any more. */
export async function watchLoads(): Promise<void> {
  watchCompilation();
  const { registerHooks } = module as NewerModule;
  if (registerHooks === undefined || !areHooksSound()) return watchModulesOfOldNode();
  registerHooks({ load: (url, context, nextLoad) => loadedWithAddition(url, nextLoad(url, context)) });
}

/**
 * In the majors that had unsound hooks, the first minor version and patch with sound ones; 23 never had any. Until then Node ends
 * a program that has a hook, whatever it does, and whose CommonJS requires an ES module that imports another.
 */
const firstSound: Readonly<Record<number, readonly [number, number]>> = {
  22: [22, 3],
  23: [Number.POSITIVE_INFINITY, 0],
  24: [11, 1],
  25: [1, 0],
};

function areHooksSound(): boolean {
  const [major = 0, minor = 0, patch = 0] = process.versions.node.split(".").map(Number);
  const [firstMinor, firstPatch] = firstSound[major] ?? [0, 0];
  return minor > firstMinor || (minor === firstMinor && patch >= firstPatch);
}

/** Of CommonJS, where Node has no hooks that see it; elsewhere, too, for a tool such as tsx that loads files in its own way. */
function watchCompilation(): void {
  const prototype = module.prototype as unknown as { _compile: Compile };
  const compile = prototype._compile;
  prototype._compile = function (content, filename, ...others) {
    return compile.call(this, withAddition(filename, content), filename, ...others);
  };
}

/**
 * The documented hooks of an older Node run in a thread of their own, whose start takes half as long as that of Node. Where no
 * such thread runs, Node reads modules by what stands in `fs.promises`; where one does, a hook of ours joins the others.
 */
async function watchModulesOfOldNode(): Promise<void> {
  const hooks = new URL("./register-hooks.js", import.meta.url).href;
  const read = watchReads();
  // Does nothing here: it shows who reads modules.
  await import(hooks);
  const { register } = module;
  if (read.first !== hooks) return register(hooks);
  module.register = function (this: unknown, ...given: unknown[]) {
    module.register = register;
    module.syncBuiltinESMExports();
    (register as (...given: unknown[]) => void).apply(this, given);
    register(hooks);
  } as typeof register;
  module.syncBuiltinESMExports();
}

/** The URL of the first module that is read. */
function watchReads(): { first?: string } {
  const read: { first?: string } = {};
  const promises = process.getBuiltinModule("node:fs").promises as unknown as Reading;
  const { readFile } = promises;
  promises.readFile = async function (path, ...others) {
    const source = await readFile.call(this, path, ...others);
    if (!(path instanceof URL)) return source;
    read.first ??= path.href;
    const added = withAddition(path.href, source);
    return typeof added === typeof source ? added : Buffer.from(added);
  };
  return read;
}
