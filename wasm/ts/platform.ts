// What a runtime gives to the portable code: who is logged in, timers, the environment. The default has no login to watch.
import type { TokenCredential } from "./credential.ts";
import type { EngineModule } from "./engine.ts";
import type { EntryKey, StoredLogin, TokenStore } from "./store/token-store.ts";

/** What differs between runtimes. */
export interface Platform {
  /** What this credential honours, and `undefined` of one that the platform does not know. */
  kindOf(credential: TokenCredential): CredentialKind | undefined;

  /**
   * The login that this credential's tokens depend on; `undefined` where nobody can change it. `identity` is what the user
   * passed as the option of that name, never `"fixed"`: that credential is not watched, and nobody asks.
   *
   * @throws an error that says what to pass instead, where `identity` is not one of this platform's.
   */
  watch(credential: TokenCredential, identity: unknown): LoginWatch | undefined;

  /**
   * With a store: whose tokens this credential gets, as its own options and files say, or as the user does with `identity`.
   * Not there: nobody can say.
   */
  partitionOf?(credential: TokenCredential, identity: unknown): Derived;

  /** A clock that never runs backwards, in milliseconds from any origin; absent: `performance.now()`. */
  monotonicMillis?(): number;

  /** Calls `run` once, after `milliseconds`. With `keepAlive` a caller waits for it; else it must not keep the process alive. */
  setTimer(run: () => void, milliseconds: number, keepAlive: boolean): unknown;

  clearTimer(timer: unknown): void;

  environment(name: string): string | undefined;

  /** An engine that starts faster than wasm, where the program has one beside this store. */
  engine?(store: TokenStore | undefined): EngineModule | undefined;

  /** What this program has loaded of a package by `require`, where there is such a thing; never loads it. */
  required?(name: string): unknown;
}

/** Whose tokens a credential gets, or why that cannot be said. */
export type Derived = Told | { readonly untold: Untold };

/** What keeps the tokens of a credential apart from those of every other identity. */
export interface Told {
  /** Equal ones are one identity. It holds no secret. */
  readonly partition: EntryKey;
  /** What the login to developer's tools has to do with them: nothing, they may be its tokens, or they are all its own. */
  readonly login: "none" | "perhaps" | "always";
  /** Whether the identity is still that one: a person may have signed in as somebody else. */
  isStill(): boolean;
}

/** What cannot be said, for a person. */
export interface Untold {
  /** The name of the credential. */
  readonly credential: string;
  /** The name of the outermost credential that asks it, if one does. */
  readonly within?: string;
  /** The end of the sentence "... cannot be told, because". */
  readonly why: string;
}

/** What a credential honours, and how its fetches end. */
export interface CredentialKind {
  /** For a person: stands in events and explanations. */
  name: string;
  /** `"az"`: by resource and tenant, as the Azure CLI is. */
  keyedBy: "general" | "az";
  /** It can answer a claims challenge. */
  honoursClaims: boolean;
  /** A fetch may be aborted. */
  abortable: boolean;
  /** It asks a person. */
  interactive: boolean;
  /** Its class is of `@azure/identity`. */
  ofSdk?: boolean;
  /** How long a fetch may take, in milliseconds, where that differs from the policy's. */
  limitMs?: number;
}

/**
 * Who is logged in, for one credential. Only `examine` consumes a change: until it has told, `unchanged` stays false,
 * whatever `run` and `admit` have seen.
 */
export interface LoginWatch {
  /**
   * How often a token that is served needs a look, in milliseconds. 0: at every call. Else `unchanged` looks at most this
   * often, and is not called in between.
   */
  readonly everyMs: number;

  /** Whether nothing has moved since the last `examine`; at most one witness a millisecond. Cheap, and never throws. */
  unchanged(unixMillis: number): boolean;

  /** Reads what moved, and says what that means. Never throws. */
  examine(): Verdict;

  /**
   * Waits until the credential may start, runs `fetch`, and says whether the login stayed the same meanwhile. Rejects only
   * where the credential may not start.
   */
  run<T>(fetch: () => Promise<T>): Promise<Run<T>>;

  /**
   * Whether a new token belongs to the account that is logged in. `tenantId` is the request's own tenant, if it named one:
   * a token of that tenant is no contradiction.
   */
  admit(token: string, tenantId?: string): Admission;

  /** The session that a token fetched now belongs to. */
  sessionNow?(): number;

  /**
   * Where the tokens of a request stand in a store, and the login that they belong to; not there where the files cannot say
   * whose they are, and `undefined` where nobody is logged in, or one who is not in the files.
   */
  stored?(request: StoredQuestion): StoredPlace | undefined;

  /** Where nobody is logged in any more: what the keys of all tokens of that login folder begin with. */
  vacated?(): EntryKey | undefined;

  /** For a store that keeps the tokens of several logins apart: who is logged in, by what was seen last. */
  standing?(): Standing | undefined;

  /** Whose files those are: the system's user, and their folders. `undefined` where nobody can say which they are. */
  place?(): EntryKey | undefined;
}

/** Who is logged in to the tools that a watch looks at. */
export interface Standing {
  /** A digest of what the files say; `undefined` where nobody is logged in to any of the tools. */
  readonly who: EntryKey | undefined;
  /** Whether that tells whose tokens the tools get: the identity of a machine, for one, is not in the files. */
  readonly told: boolean;
  /** As entries record it. */
  readonly login: StoredLogin;
}

/** A request, as far as a key in a store depends on it. */
export interface StoredQuestion {
  readonly scopes: readonly string[];
  readonly tenantId: string | undefined;
}

/** An entry of a store. */
export interface StoredPlace {
  readonly key: EntryKey;
  readonly login: StoredLogin;
  /** A user name, for a person. */
  readonly account?: string | undefined;
}

/**
 * What an examination found; `retryAfterMs`: it cannot be read yet, ask again then. `"bypass"`: nobody can say whose login
 * this environment means (an empty AZURE_CONFIG_DIR): the call goes to the credential, and nothing is served or kept.
 */
export type Verdict =
  | "same"
  | "changed"
  | "bypass"
  | { readonly touched: number }
  | { readonly retryAfterMs: number }
  | { readonly error: Error };

/** What a run brought: `error` is there, even as undefined, where it failed; the session and the steadiness of the login. */
export interface Run<T> {
  value?: T;
  error?: unknown;
  stability: "steady" | "movedSameAccount" | "moved";
  session: number;
}

/** `"contradiction"`: the token is another account's. `"otherUser"`: the login changed, and this is its first token. */
export type Admission = "ok" | "contradiction" | "otherUser";

/** Of a credential that nobody knows. */
export const generalKind: CredentialKind = {
  name: "credential",
  keyedBy: "general",
  honoursClaims: true,
  abortable: true,
  interactive: false,
};
