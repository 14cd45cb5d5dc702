// Where az runs and where its files are, from the environment that it is given.
// Not imported: `package-files.ts` says why.
const path = () => process.getBuiltinModule("node:path");

export type Environment = Readonly<Record<string, string | undefined>>;

/** The folder that az starts in: one that nobody but the system writes to. Relative paths in az's environment count from it. */
export function azFolder(environment: Environment): string {
  if (process.platform !== "win32") return "/bin";
  return variable(environment, "SystemRoot") ?? "C:\\Windows";
}

/** az's configuration folder. */
export function azConfigFolder(environment: Environment): string {
  const configured = variable(environment, "AZURE_CONFIG_DIR");
  return path().resolve(azFolder(environment), configured ?? path().join(home(environment), ".azure"));
}

/** The files that exist while az writes its token cache, plain or encrypted. */
export function azLockFiles(environment: Environment): string[] {
  const folder = azConfigFolder(environment);
  return ["msal_token_cache.json.lockfile", "msal_token_cache.bin.lockfile"].map((name) =>
    path().join(folder, name),
  );
}

/** The value of PATH. */
export function searchPath(environment: Environment): string {
  return variable(environment, "PATH") ?? "";
}

function home(environment: Environment): string {
  const name = process.platform === "win32" ? "USERPROFILE" : "HOME";
  return variable(environment, name) ?? process.getBuiltinModule("node:os").userInfo().homedir;
}

/** A variable that is set and not empty. Windows does not tell names by case, a copy of its environment does. */
function variable(environment: Environment, name: string): string | undefined {
  const found =
    process.platform === "win32"
      ? Object.keys(environment).find((key) => key.toLowerCase() === name.toLowerCase())
      : name;
  return (found === undefined ? undefined : environment[found]) || undefined;
}
