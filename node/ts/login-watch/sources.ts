// Which files and variables say who a developer tool is logged in as, found the way the tool finds them.

// Not imported: `addon.ts` says why.
const { isAbsolute, join, resolve } = process.getBuiltinModule("node:path");

/** A tool whose login a credential may take. */
export type Tool = "az" | "azd" | "powershell" | "vscode";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What to look at. Times and contents are read by whoever looks. */
export interface LoginSources {
  /** Absolute paths of the files that say who is logged in. */
  readonly files: string[];
  /** What each of them is, in core's numbers. */
  readonly roles: number[];
  /** Absolute paths of the files that hold the tool's own secrets. They are never read. */
  readonly secrets: string[];
  readonly azureCloudName?: string;
  readonly accCloud?: string;
  readonly copilotAgentSessionId?: string;
  readonly armCloudMetadataUrl?: string;
}

/**
 * The variables that `loginSources` reads for `tools` in this environment; as long as none of them changes, its answer does
 * not. They are read at every call, so that there are no more than it takes.
 */
export function sourceVariables(tools: readonly Tool[], environment: Environment): readonly string[] {
  return [
    ...(usesAz(tools) ? ["AZURE_CONFIG_DIR", ...azVariables] : []),
    ...(tools.includes("azd") ? ["AZD_CONFIG_DIR"] : []),
    ...(usesHome(tools, environment) ? homeVariables() : []),
  ];
}

/**
 * The files of `tools`, for tools that run with `environment` in `folder`, from which relative paths count.
 *
 * `undefined` where nobody can say which files the tool would use: an empty AZURE_CONFIG_DIR, with which az reads its
 * profile in one folder and its settings in another; a relative one for a tool that starts nobody knows where.
 */
export function loginSources(
  tools: readonly Tool[],
  environment: Environment,
  folder: string | undefined,
): LoginSources | undefined {
  const az = usesAz(tools);
  if (az && environment["AZURE_CONFIG_DIR"] === "") return undefined;
  const places: Places = { environment, home: expandedHome(environment) };
  const found = [
    ...(az ? azFiles(places) : []),
    ...(tools.includes("azd") ? azdFiles(places) : []),
    ...(tools.includes("powershell") ? [powershellContext(environment)] : []),
    ...(tools.includes("vscode") ? [{ path: vscodeRecord(environment), role: "opaque" as const }] : []),
  ];
  const secrets = az ? azSecrets(places) : [];
  if (folder === undefined && !found.every(({ path }) => isAbsolute(path))) return undefined;
  const absolute = (path: string) => resolve(folder ?? "/", path);
  return {
    files: found.map(({ path }) => absolute(path)),
    roles: found.map(({ role }) => roles.indexOf(role)),
    secrets: secrets.map(absolute),
    ...(az && variables(environment)),
  };
}

const azVariables = ["AZURE_CLOUD_NAME", "ACC_CLOUD", "COPILOT_AGENT_SESSION_ID", "ARM_CLOUD_METADATA_URL"];

/** azd may have been told to use az's login. */
function usesAz(tools: readonly Tool[]): boolean {
  return tools.includes("az") || tools.includes("azd");
}

/** Whether a file of theirs is in the home folder. */
function usesHome(tools: readonly Tool[], environment: Environment): boolean {
  return (
    (usesAz(tools) && environment["AZURE_CONFIG_DIR"] === undefined) ||
    (tools.includes("azd") && !environment["AZD_CONFIG_DIR"]) ||
    tools.includes("powershell") ||
    tools.includes("vscode")
  );
}

function homeVariables(): readonly string[] {
  return process.platform === "win32" ? ["USERPROFILE", "HOMEDRIVE", "HOMEPATH"] : ["HOME"];
}

function powershellContext(environment: Environment): Found {
  return { path: join(powershellFolder(environment), "AzureRmContext.json"), role: "powershellContext" };
}

/** In the order of core's numbers. */
const roles = [
  "azProfile",
  "azClouds",
  "azConfig",
  "azdAuth",
  "azdConfig",
  "powershellContext",
  "opaque",
] as const;

interface Found {
  readonly path: string;
  readonly role: (typeof roles)[number];
}

interface Places {
  readonly environment: Environment;
  readonly home: string;
}

function azFolder({ environment, home }: Places): string {
  return environment["AZURE_CONFIG_DIR"] ?? join(home, ".azure");
}

function azFiles(places: Places): Found[] {
  const folder = azFolder(places);
  return [
    { path: join(folder, "azureProfile.json"), role: "azProfile" },
    { path: join(folder, "clouds.config"), role: "azClouds" },
    { path: join(folder, "config"), role: "azConfig" },
  ];
}

/** Encrypted ones end in `.bin`. */
function azSecrets(places: Places): string[] {
  const folder = azFolder(places);
  return ["msal_token_cache", "service_principal_entries"].flatMap((name) =>
    [".json", ".bin"].map((end) => join(folder, name + end)),
  );
}

function azdFiles({ environment, home }: Places): Found[] {
  const folder = environment["AZD_CONFIG_DIR"] || join(home, ".azd");
  return [
    { path: join(folder, "auth.json"), role: "azdAuth" },
    { path: join(folder, "config.json"), role: "azdConfig" },
  ];
}

/** Az.Accounts names its folder with a capital letter, az does not; on most file systems of Windows and macOS they are one. */
export function powershellFolder(environment: Environment): string {
  return join(expandedHome(environment), ".Azure");
}

/** The record of who is signed in to VS Code. */
export function vscodeRecord(environment: Environment): string {
  const home = expandedHome(environment);
  return join(home, ".azure", "ms-azuretools.vscode-azureresourcegroups", "authRecord.json");
}

/** What Python's `os.path.expanduser("~")` says: an empty HOME is a home, an absent one is looked up, and `~` stays `~`. */
function expandedHome(environment: Environment): string {
  if (process.platform !== "win32")
    return environment["HOME"] === "" ? "/" : (environment["HOME"] ?? knownHome());
  const { USERPROFILE, HOMEDRIVE, HOMEPATH } = environment;
  if (USERPROFILE !== undefined) return USERPROFILE;
  return HOMEPATH === undefined ? "~" : join(HOMEDRIVE ?? "", HOMEPATH);
}

function knownHome(): string {
  try {
    return process.getBuiltinModule("node:os").userInfo().homedir;
  } catch {
    // A user without an entry in the system's list, as in many containers.
    return "~";
  }
}

function variables(environment: Environment): Partial<LoginSources> {
  const named = {
    azureCloudName: environment["AZURE_CLOUD_NAME"],
    accCloud: environment["ACC_CLOUD"],
    copilotAgentSessionId: environment["COPILOT_AGENT_SESSION_ID"],
    armCloudMetadataUrl: environment["ARM_CLOUD_METADATA_URL"],
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}
