// What the program has loaded by `require`: its copy of a package may be another than the one that `import` finds.

const paths = new Map<string, string | undefined>();

/** The exports of a package, if they are loaded already. */
export function required(name: string): unknown {
  try {
    const { createRequire } = process.getBuiltinModule("node:module");
    const { cache, resolve } = createRequire(import.meta.url);
    if (!paths.has(name)) paths.set(name, resolved(name, resolve));
    const path = paths.get(name);
    return path === undefined ? undefined : cache[path]?.exports;
  } catch {
    // A runtime that is only nearly Node.
    return undefined;
  }
}

function resolved(name: string, resolve: NodeJS.RequireResolve): string | undefined {
  try {
    return resolve(name);
  } catch {
    return undefined;
  }
}
