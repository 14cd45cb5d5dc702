// The options that persistentStore and the plugin share: where files lie, and which vault keeps the key that seals them.
import { OptionError } from "../../wasm/ts/errors.ts";

const vaults = ["kernel-keyring", "secret-service", "key-file", "keychain", "dpapi"] as const;

/** Where the key is kept that tokens are sealed with. `"auto"`: in the first of this system's that works. */
export type Vault = "auto" | (typeof vaults)[number];

/** What the addon takes. */
export interface NativeOptions {
  readonly directory: string | undefined;
  readonly name: string;
  readonly vault: string | undefined;
  readonly unsafeAllowUnencrypted: boolean;
  /** Of `variables`: names and values by turns. */
  readonly environment: readonly string[];
}

/** What host's store reads of the environment. */
const variables = ["HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "LOCALAPPDATA"];

/** The options as an object that holds nothing but what is known. */
export function checkedKnown(options: unknown, known: readonly string[]): object {
  if (typeof options !== "object" || options === null)
    throw new OptionError("options", `must be an object with any of ${known.join(", ")}`);
  for (const option of Object.keys(options))
    if (!known.includes(option)) throw new OptionError(option, `is unknown: this takes ${known.join(", ")}`);
  return options;
}

/** With the environment of now, which also says what is left out. */
export function nativeOptions(options: {
  readonly directory: unknown;
  readonly vault: unknown;
  readonly name: string;
  readonly unsafeAllowUnencrypted: boolean;
}): NativeOptions {
  const { env } = process;
  return {
    directory: checkedDirectory(options.directory) ?? (env["AZURE_TOKEN_CACHE_DIRECTORY"] || undefined),
    name: options.name,
    vault: checkedVault(options.vault ?? knownVault(env["AZURE_TOKEN_CACHE_VAULT"])),
    unsafeAllowUnencrypted: options.unsafeAllowUnencrypted,
    environment: variables.flatMap((name) => (env[name] === undefined ? [] : [name, env[name]])),
  };
}

export function checkedFlag(option: string, flag: unknown): boolean {
  if (typeof flag !== "boolean") throw new OptionError(option, "must be true or false");
  return flag;
}

function checkedDirectory(directory: unknown): string | undefined {
  if (directory === undefined) return undefined;
  // Not imported: `package-files.ts` says why.
  const { isAbsolute } = process.getBuiltinModule("node:path");
  if (typeof directory !== "string" || !isAbsolute(directory))
    throw new OptionError("directory", 'must be an absolute path, such as "/var/lib/my-program/tokens"');
  return directory;
}

function checkedVault(vault: unknown): string | undefined {
  if (vault === undefined || vault === "auto") return undefined;
  if (!vaults.some((each) => each === vault))
    throw new OptionError("vault", `must be one of ${["auto", ...vaults].join(", ")}`);
  return vault as string;
}

/** A typing error in a variable must not cost a program its store. */
function knownVault(name: string | undefined): string | undefined {
  return vaults.find((each) => each === name);
}
