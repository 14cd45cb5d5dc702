// Says to a store who is logged in and where: digests of what the tools' files say, and of whose files they are.
import type { Standing } from "../../../wasm/ts/platform.ts";
import { entryKey } from "../../../wasm/ts/store/entry-key.ts";
import type { EntryKey } from "../../../wasm/ts/store/token-store.ts";
import { isObject } from "../fields.ts";
import { type LoginSources, powershellFolder, type Tool, vscodeRecord } from "./sources.ts";
import type { WitnessedStanding } from "./witness.ts";

// Not imported: `package-files.ts` says why.
const { dirname, join } = process.getBuiltinModule("node:path");

/** What the witness saw, and what beside the files decides whose tokens the tools get. */
export function standingOf(
  seen: WitnessedStanding | null | undefined,
  tools: readonly Tool[],
): Standing | undefined {
  if (!seen) return undefined;
  const { says, told, account, session } = seen;
  const elsewhere = [...azdElsewhere(tools), ...powershellElsewhere(tools)];
  if (!says && elsewhere.length === 0) return nobody;
  return {
    who: digest(entryKey([says ?? "", ...elsewhere])),
    told: told && elsewhere.length === 0,
    login: { account, session },
  };
}

/**
 * Whether a credential goes on with a login that is no more: VS Code's reads the record once, and keeps to the account that
 * it read.
 */
export function keepsFormerLogin(credential: object): boolean {
  const { msalClient } = credential as { msalClient?: { getActiveAccount?: () => unknown } };
  const account = msalClient?.getActiveAccount?.() as { homeAccountId?: unknown } | undefined;
  if (account?.homeAccountId === undefined) return false;
  const record = json(vscodeRecord(process.env));
  return !isObject(record) || (record as { homeAccountId?: unknown }).homeAccountId !== account.homeAccountId;
}

/** Of which user and in which folders, however they are reached, the files are; `undefined` where nobody can say which. */
export function placeOf(sources: LoginSources | undefined): EntryKey | undefined {
  if (sources === undefined) return undefined;
  const folders = [...new Set(sources.files.map((file) => canonical(dirname(file))))];
  return digest(entryKey([user(), ...folders]));
}

const nobody: Standing = { who: undefined, told: true, login: { account: "", session: "" } };

/** Another program answers for azd: an editor, or whoever set these variables. */
function azdElsewhere(tools: readonly Tool[]): string[] {
  const endpoint = tools.includes("azd") ? process.env["AZD_AUTH_ENDPOINT"] : undefined;
  return endpoint ? [endpoint] : [];
}

/** PowerShell was told to keep its context in the process alone, or in another file than the one that is watched. */
function powershellElsewhere(tools: readonly Tool[]): string[] {
  if (!tools.includes("powershell")) return [];
  const settings = powershellSettings();
  if (!isObject(settings)) return [];
  const { Mode, ContextDirectory, ContextFile } = settings as Record<string, unknown>;
  const here = [
    Mode === undefined || Mode === "CurrentUser",
    !ContextDirectory || canonical(String(ContextDirectory)) === canonical(powershellFolder(process.env)),
    !ContextFile || ContextFile === "AzureRmContext.json",
  ];
  return here.every(Boolean) ? [] : [JSON.stringify([Mode, ContextDirectory, ContextFile])];
}

function powershellSettings(): unknown {
  return json(join(powershellFolder(process.env), "AzureRmContextSettings.json"));
}

function json(path: string): unknown {
  try {
    const text = process.getBuiltinModule("node:fs").readFileSync(path, "utf8");
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    return undefined;
  }
}

function canonical(folder: string): string {
  try {
    return process.getBuiltinModule("node:fs").realpathSync.native(folder);
  } catch {
    return folder;
  }
}

/** Two users of one folder share nothing. */
function user(): string {
  if (process.geteuid !== undefined) return String(process.geteuid());
  return `${process.env["USERDOMAIN"] ?? ""}\\${process.env["USERNAME"] ?? ""}`;
}

function digest(bytes: EntryKey): EntryKey {
  return new Uint8Array(process.getBuiltinModule("node:crypto").createHash("sha256").update(bytes).digest());
}
