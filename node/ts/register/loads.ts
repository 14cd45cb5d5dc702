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
  if (registerHooks === undefined) return watchModulesOfOldNode();
  registerHooks({ load: (url, context, nextLoad) => loadedWithAddition(url, nextLoad(url, context)) });
}

/** Of CommonJS, before 22.15; later, too, where a tool such as tsx loads files in its own way. */
function watchCompilation(): void {
  const prototype = module.prototype as unknown as { _compile: Compile };
  const compile = prototype._compile;
  prototype._compile = function (content, filename, ...others) {
    return compile.call(this, withAddition(filename, content), filename, ...others);
  };
}

/**
 * Before 22.15 the documented hooks run in a thread of their own, whose start takes half as long as that of Node. Where no
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
