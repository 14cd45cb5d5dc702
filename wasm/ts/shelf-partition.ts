// Keys of tokens that stand under a partition, and under the login to the developer's tools that they may come from.
import type { LoginWatch, Standing } from "./platform.ts";
import { afterALook, type Keys, type Shelved, usual } from "./shelf-keys.ts";
import type { Details } from "./slot.ts";
import { entryKey } from "./store/entry-key.ts";
import type { EntryKey } from "./store/token-store.ts";
import type { Partition } from "./whose.ts";

/** Of tokens that no login to a tool can change. */
const nobody: Standing = { who: undefined, told: true, login: { account: "", session: "" } };

/** Whose files a login is in; of nobody's login no place, so that machines where nobody is logged in are one. */
type Place = EntryKey | "";

export class PartitionKeys implements Keys {
  readonly #kind: string;
  readonly #partition: Partition;
  /** Where who is logged in counts. */
  readonly #watch: LoginWatch | undefined;

  constructor(kind: string, partition: Partition, watch: LoginWatch | undefined) {
    this.#kind = kind;
    this.#partition = partition;
    const counts = watch?.standing !== undefined && !("told" in partition && partition.told.login === "none");
    this.#watch = counts ? watch : undefined;
  }

  find(scopes: readonly string[], details: Details): Shelved | undefined {
    const standing = this.#standing();
    if (standing === undefined) return undefined;
    const place = standing.who === undefined ? "" : this.#place();
    if (place === undefined) return undefined;
    const key = this.#key(place, [...request(scopes, details), standing.who ?? ""]);
    const loginNow = afterALook(this.#watch, () => this.#standing()?.login);
    return { key, login: standing.login, account: undefined, loginNow };
  }

  /** Of whoever is, or was, logged in here. */
  covering(scopes: readonly string[] | undefined, details: Details | undefined): EntryKey[] {
    const places: Place[] = ["", ...(this.#place() === undefined ? [] : [this.#place() as EntryKey])];
    if (scopes === undefined) return places.map((place) => this.#key(place, []));
    const known = details === undefined ? usual : [details];
    // Whole keys keep out the first token of a fetch that has begun.
    const whole = known.flatMap((each) => this.find(scopes, each)?.key ?? []);
    const asked = details === undefined ? [setOf(scopes)] : request(scopes, details);
    return [...whole, ...places.map((place) => this.#key(place, asked))];
  }

  vacated(): EntryKey | undefined {
    const standing = this.#watch?.standing?.();
    // Of files that cannot be read nobody can say that they are nobody's.
    const place = standing !== undefined && standing.who === undefined ? this.#place() : undefined;
    return place && this.#key(place, []);
  }

  /**
   * Who is logged in; `undefined` where that cannot be said, or where the token would be somebody's whom neither the program
   * nor the files name.
   */
  #standing(): Standing | undefined {
    const told = "told" in this.#partition ? this.#partition.told : undefined;
    if (told?.isStill() === false) return undefined;
    const standing = this.#watch === undefined ? nobody : this.#watch.standing?.();
    if (told === undefined || standing === undefined) return standing;
    if (standing.who === undefined && told.login === "always") return undefined;
    return standing.told ? standing : undefined;
  }

  #place(): EntryKey | undefined {
    return this.#watch?.place?.();
  }

  #key(place: Place, rest: readonly (string | EntryKey)[]): EntryKey {
    // A program may name by chance what is told of another credential.
    const partition: (string | EntryKey)[] =
      "named" in this.#partition
        ? ["named", this.#partition.named]
        : ["told", this.#partition.told.partition];
    return entryKey(["token 1", this.#kind, ...partition, place, ...rest]);
  }
}

/** What a credential honours in general: the set of scopes, the tenant and CAE. */
function request(scopes: readonly string[], { tenantId, cae }: Details): (string | EntryKey)[] {
  return [setOf(scopes), tenantId === undefined ? "any tenant" : `tenant ${tenantId}`, cae ? "cae" : ""];
}

function setOf(scopes: readonly string[]): EntryKey {
  return entryKey([...new Set(scopes)].sort());
}
