// Places for stores: a state folder and a runtime folder in memory for the key, both private and gone at the end.
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoredToken, TokenStore } from "azure-token-cache";
import { entryKey } from "azure-token-cache";
import { type PersistentStoreOptions, persistentStore, type Vault } from "azure-token-cache/node";
import { fakeNameOf, fakeToken } from "../../leaks/search.mjs";

/** What a test uses up is removed at the end of its block. */
export class Stand implements Disposable {
  readonly state = mkdtempSync(join(tmpdir(), "store-"));
  /** A key file lies in memory only: a runtime folder on a disk is refused. */
  readonly runtime = mkdtempSync(join("/dev/shm", "store-runtime-"));

  /** What the programs of one user see. */
  get environment(): Record<string, string> {
    return { ...(process.env as Record<string, string>), ...this.#changes };
  }

  get #changes(): Record<string, string> {
    return {
      XDG_STATE_HOME: this.state,
      XDG_RUNTIME_DIR: this.runtime,
      AZURE_TOKEN_CACHE_DIRECTORY: "",
      AZURE_TOKEN_CACHE_VAULT: "",
    };
  }

  /** A store in this place; a program that is given `environment` shares it. */
  open(options: PersistentStoreOptions = { vault: "key-file" }): TokenStore {
    return this.within(() => persistentStore(options));
  }

  /** A store in a folder of its own. */
  openAt(place: string, vault: Vault): TokenStore {
    const directory = join(this.state, place);
    return this.within(() => persistentStore({ directory, vault }));
  }

  /** The paths of all files in the state folder. */
  files(): string[] {
    const paths = readdirSync(this.state, { recursive: true }).map((name) => join(this.state, String(name)));
    return paths.filter((path) => statSync(path).isFile());
  }

  /** Those of them that hold tokens or failures. */
  entries(): string[] {
    return this.files().filter((path) => !/\/keys\/|\/lock$/.test(path));
  }

  [Symbol.dispose](): void {
    for (const folder of [this.state, this.runtime]) rmSync(folder, { recursive: true, force: true });
  }

  /** Makes something that reads its environment once, when it is made. */
  within<T>(make: () => T, more: Readonly<Record<string, string>> = {}): T {
    const before = { ...process.env };
    const changes = { ...this.#changes, ...more };
    Object.assign(process.env, changes);
    try {
      return make();
    } finally {
      for (const name of Object.keys(changes)) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
  }
}

export const key = entryKey(["test", "entry"]);

export function tokenOf(name: string): StoredToken {
  const now = Date.now();
  const login = { account: "a", session: "s" };
  return { token: fakeToken(name), expiresAt: now + 3_600_000, acquiredAt: now, login };
}

/** The name that `tokenOf` was given of the token that is kept. */
export async function kept(store: TokenStore): Promise<string | undefined> {
  return fakeNameOf((await store.load(key)).token?.token);
}
