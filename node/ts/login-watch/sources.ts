// Which files and variables say who a developer tool is logged in as, found the way the tool finds them.

// Not imported: `package-files.ts` says why.
const { basename, dirname, isAbsolute, join, resolve, sep } = process.getBuiltinModule("node:path");

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
  const sources: LoginSources = { files: [], roles: [], secrets: [], ...(az && variables(environment)) };
  for (const { path, files, secrets = [] } of folders(tools, environment)) {
    if (folder === undefined && !isAbsolute(path)) return undefined;
    // Made absolute once for all of its files: this is a part of every program's start.
    const inside = prefixOf(resolve(folder ?? "/", path));
    for (const [name, role] of files) {
      sources.files.push(inside + name);
      sources.roles.push(roles.indexOf(role));
    }
    for (const name of secrets) sources.secrets.push(inside + name);
  }
  return sources;
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

/** A tool's folder, and the names of its files that count. */
interface Folder {
  readonly path: string;
  readonly files: readonly (readonly [name: string, role: (typeof roles)[number]])[];
  readonly secrets?: readonly string[];
}

const azFiles = [
  ["azureProfile.json", "azProfile"],
  ["clouds.config", "azClouds"],
  ["config", "azConfig"],
] as const;

/** Encrypted ones end in `.bin`. */
const azSecrets = [
  "msal_token_cache.json",
  "msal_token_cache.bin",
  "service_principal_entries.json",
  "service_principal_entries.bin",
];

const azdFiles = [
  ["auth.json", "azdAuth"],
  ["config.json", "azdConfig"],
] as const;

function* folders(tools: readonly Tool[], environment: Environment): Generator<Folder> {
  const home = expandedHome(environment);
  if (usesAz(tools)) {
    const path = environment["AZURE_CONFIG_DIR"] ?? join(home, ".azure");
    yield { path, files: azFiles, secrets: azSecrets };
  }
  if (tools.includes("azd")) {
    yield { path: environment["AZD_CONFIG_DIR"] || join(home, ".azd"), files: azdFiles };
  }
  if (tools.includes("powershell")) {
    const path = powershellFolder(environment);
    yield { path, files: [["AzureRmContext.json", "powershellContext"]] };
  }
  if (tools.includes("vscode")) {
    const record = vscodeRecord(environment);
    yield { path: dirname(record), files: [[basename(record), "opaque"]] };
  }
}

/** What the names of a folder's files stand behind. */
function prefixOf(folder: string): string {
  return folder.endsWith(sep) ? folder : folder + sep;
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
  const named: { -readonly [name in keyof LoginSources]?: LoginSources[name] } = {};
  const { AZURE_CLOUD_NAME, ACC_CLOUD, COPILOT_AGENT_SESSION_ID, ARM_CLOUD_METADATA_URL } = environment;
  if (AZURE_CLOUD_NAME !== undefined) named.azureCloudName = AZURE_CLOUD_NAME;
  if (ACC_CLOUD !== undefined) named.accCloud = ACC_CLOUD;
  if (COPILOT_AGENT_SESSION_ID !== undefined) named.copilotAgentSessionId = COPILOT_AGENT_SESSION_ID;
  if (ARM_CLOUD_METADATA_URL !== undefined) named.armCloudMetadataUrl = ARM_CLOUD_METADATA_URL;
  return named;
}
