// What the program has loaded by `require`: its copy of a package may be another than the one that `import` finds.

/** `require.cache`, which nobody needs half a millisecond of `createRequire` for. */
interface NodeModules {
  readonly _cache?: Readonly<Record<string, { readonly exports: unknown }>>;
}

/** The exports of a package's main file, if that is loaded: of the first copy, wherever it is. Looks nothing up on a disk. */
export function required(name: string): unknown {
  const main = new RegExp(
    `[\\\\/]node_modules[\\\\/]${name.replace("/", "[\\\\/]")}[\\\\/](?:dist[\\\\/].*)?index\\.js$`,
  );
  const modules = (process.getBuiltinModule("node:module") as NodeModules)._cache ?? {};
  const path = Object.keys(modules).find((each) => main.test(each));
  return path === undefined ? undefined : modules[path]?.exports;
}
