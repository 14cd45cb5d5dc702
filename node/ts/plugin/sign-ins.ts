// Who signed in last, told from what MSAL put into its cache, and kept for the next process.
import { entryKey } from "../../../wasm/ts/store/entry-key.ts";
import type { SealedFiles } from "./files.ts";

/** That of `@azure/identity`, which also serialises it. It holds no secret. */
export interface AuthenticationRecord {
  authority: string;
  homeAccountId: string;
  clientId: string;
  tenantId: string;
  username: string;
}

/** A record and when it was made. */
interface SignIn {
  readonly record: AuthenticationRecord;
  readonly at: number;
}

/** The last sign-in to each application, by its client id. */
type Kept = Readonly<Record<string, SignIn>>;

/** An entry of MSAL's cache, as far as it is used here. */
interface Entry {
  readonly home_account_id?: string;
  readonly environment?: string;
  readonly client_id?: string;
  readonly realm?: string;
  readonly username?: string;
  readonly family_id?: string;
  readonly secret?: string;
  readonly userAssertionHash?: string;
}

type Section = Readonly<Record<string, Entry>>;

type Sections = Readonly<Partial<Record<"Account" | "IdToken" | "AccessToken" | "RefreshToken", Section>>>;

export class SignIns {
  readonly #files: SealedFiles;
  readonly #key: Uint8Array;

  constructor(files: SealedFiles, base: string) {
    this.#files = files;
    this.#key = entryKey(["msal", base, "sign-ins"]);
  }

  /** The last sign-in, to this application if one is named. */
  async last(clientId: string | undefined): Promise<AuthenticationRecord | undefined> {
    const kept = Object.values((await this.#load()).kept).sort((one, other) => other.at - one.at);
    const last = kept.find(({ record }) => clientId === undefined || record.clientId === clientId);
    return last && inOrder(last.record);
  }

  /** Keeps who signed in between two states of a cache, and forgets who was signed out. */
  async note(before: string, after: string): Promise<void> {
    const [was, is] = [sectionsOf(before), sectionsOf(after)];
    const record = signedIn(was, is);
    const gone = signedOut(was, is);
    if (record === undefined && gone.size === 0) return;
    const { text, kept } = await this.#load();
    const next = Object.fromEntries(
      Object.entries(kept).filter(([, signIn]) => !gone.has(signIn.record.homeAccountId)),
    );
    if (record !== undefined) next[record.clientId] = { record, at: Date.now() };
    if (!isSame(kept, next)) await this.#files.merge(this.#key, text, JSON.stringify({ SignIn: next }));
  }

  async remove(): Promise<void> {
    await this.#files.remove(this.#key);
  }

  async #load(): Promise<{ text: string; kept: Kept }> {
    const look = await this.#files.load(this.#key, "");
    if (look.kind !== "found") return { text: "", kept: {} };
    return { text: look.text, kept: (JSON.parse(look.text) as { SignIn?: Kept }).SignIn ?? {} };
  }
}

/** With its fields in the order of `@azure/identity`, so that both serialise it to the same text. */
function inOrder(record: AuthenticationRecord): AuthenticationRecord {
  const { authority, homeAccountId, tenantId, username, clientId } = record;
  return Object.assign({ authority, homeAccountId, tenantId, username, clientId }, { version: "1.0" });
}

/** Whether the same people are signed in to the same applications, and the last one is the last one still. */
function isSame(kept: Kept, next: Kept): boolean {
  const told = (signIns: Kept) => {
    const oldestFirst = Object.values(signIns).sort((one, other) => one.at - other.at);
    return JSON.stringify(oldestFirst.map(({ record }) => inOrder(record)));
  };
  return told(kept) === told(next);
}

/**
 * Whose ID token is new. Only of those who can sign in silently; not of those on whose behalf a service asked, who never
 * signed in here.
 */
export function signedIn(before: Sections, after: Sections): AuthenticationRecord | undefined {
  const isForOthers = changed(before.AccessToken, after.AccessToken).some((token) => token.userAssertionHash);
  const idToken = changed(before.IdToken, after.IdToken).at(-1);
  if (idToken === undefined || isForOthers) return undefined;
  const account = accountOf(idToken, after.Account);
  const canRefresh = Object.values(after.RefreshToken ?? {}).some(
    (token) => isOfOne(token, idToken) && (token.client_id === idToken.client_id || token.family_id),
  );
  if (account?.home_account_id === undefined || !idToken.client_id || !canRefresh) return undefined;
  return {
    authority: account.environment ?? "login.microsoftonline.com",
    homeAccountId: account.home_account_id,
    tenantId: account.realm || "common",
    username: account.username ?? "",
    clientId: idToken.client_id,
  };
}

/** Those of whom there is no account any more. */
export function signedOut(before: Sections, after: Sections): ReadonlySet<string> {
  const ids = (accounts: Section = {}) =>
    Object.values(accounts).map((account) => account.home_account_id ?? "");
  const left = new Set(ids(after.Account));
  return new Set(ids(before.Account).filter((id) => !left.has(id)));
}

function accountOf(idToken: Entry, accounts: Section = {}): Entry | undefined {
  const own = Object.values(accounts).filter((account) => isOfOne(account, idToken));
  return own.find((account) => account.realm === idToken.realm) ?? own[0];
}

function isOfOne(one: Entry, other: Entry): boolean {
  return one.home_account_id === other.home_account_id && one.environment === other.environment;
}

function changed(before: Section = {}, after: Section = {}): Entry[] {
  return Object.entries(after)
    .filter(([key, entry]) => before[key]?.secret !== entry.secret)
    .map(([, entry]) => entry);
}

function sectionsOf(text: string): Sections {
  return text === "" ? {} : (JSON.parse(text) as Sections);
}
