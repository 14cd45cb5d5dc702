// What every TokenStore has to keep, as checks for any test runner: for those who write a store of their own.
import { entryKey } from "../store/entry-key.ts";
import type {
  EntryKey,
  Generation,
  StoredFailure,
  StoredToken,
  StoreLock,
  TokenStore,
} from "../store/token-store.ts";

/** One promise of a store. `run` rejects with an error that says what is wrong. */
export interface TokenStoreCheck {
  readonly name: string;
  run(): Promise<void>;
}

/**
 * Opens the store at a place: what is opened at one place shares its tokens and its locks, as two processes do; what is
 * opened at two places shares nothing. A place that was not named before is empty.
 */
export type OpenTokenStore = (place: string) => TokenStore | Promise<TokenStore>;

/**
 * The checks of a store. With `node:test`:
 *
 *     for (const { name, run } of tokenStoreChecks((place) => new MyStore(place))) test(name, run);
 */
export function tokenStoreChecks(open: OpenTokenStore): readonly TokenStoreCheck[] {
  return Object.entries(checks).map(([name, check], index) => ({
    name,
    async run() {
      const place = `check-${index + 1}`;
      await check(await open(place), await open(place));
    },
  }));
}

/** Two stores of one place, as two processes have them. */
type Check = (one: TokenStore, other: TokenStore) => Promise<void>;

const checks: Readonly<Record<string, Check>> = {
  async "an entry that was never saved is not there"(one) {
    const { generation, token, failure } = await one.load(keyOf("never"));
    equal([token, failure], [undefined, undefined], "an empty place");
    equal([typeof generation.store, typeof generation.entry], ["number", "number"], "its generation");
  },

  async "a token comes back as it was saved, to every process"(one, other) {
    const full: StoredToken = {
      ...tokenOf('\u00e4\u{1f511}"\\\n'.repeat(50) + "x".repeat(20_000)),
      refreshAt: Date.now() + 1_800_000,
      tokenType: "pop",
      account: "ann@example.com",
      tenantId: "11111111-1111-1111-1111-111111111111",
      extra: { number: 1.5, list: [null, true, { deep: "\u00e4" }], text: "" },
    };
    await saved(one, keyOf("full"), full, undefined);
    for (const store of [one, other]) await holds(store, keyOf("full"), full);
    const plain = tokenOf("plain", { login: { account: "", session: "" } });
    await saved(one, keyOf("plain"), plain, undefined);
    await holds(other, keyOf("plain"), plain);
  },

  async "the age of a token is not negative, and is the store's to know"(one) {
    await saved(one, keyOf("aged"), { ...tokenOf("t"), ageMs: 1e9 }, undefined);
    const age = (await one.load(keyOf("aged"))).token?.ageMs;
    equal(age === undefined || (age >= 0 && age < 1e8), true, `an age of ${age} ms, just after the save,`);
  },

  async "a token that has just expired is still there: whether it is of use is not the store's to say"(one) {
    const token = tokenOf("old", { expiresAt: Date.now() - 1_000 });
    await saved(one, keyOf("old"), token, undefined);
    await holds(one, keyOf("old"), token);
  },

  async "no two keys share an entry"(one) {
    const keys = [
      entryKey([]),
      entryKey([""]),
      entryKey(["", ""]),
      entryKey(["ab"]),
      entryKey(["a", "b"]),
      entryKey(["AB"]),
      entryKey(["ab", ""]),
      entryKey([new Uint8Array([0, 255, 254])]),
      entryKey([new Uint8Array([0, 255, 253])]),
      entryKey(["../ab"]),
      entryKey(["x".repeat(5_000), "1"]),
      entryKey(["x".repeat(5_000), "2"]),
    ];
    await Promise.all(keys.map((key, index) => saved(one, key, tokenOf(`token ${index}`), undefined)));
    for (const [index, key] of keys.entries()) await holds(one, key, tokenOf(`token ${index}`));
  },

  async "a save raises the generation of its entry by one, and no other"(one) {
    const [key, neighbour] = [keyOf("a"), keyOf("b")];
    await saved(one, neighbour, tokenOf("n"), undefined);
    const [before, beside] = [await generationOf(one, key), await generationOf(one, neighbour)];
    await saved(one, key, tokenOf("t"), before);
    const after = await generationOf(one, key);
    equal(after, { store: before.store, entry: before.entry + 1 }, "the generation after a save");
    equal(await generationOf(one, neighbour), beside, "the generation of another entry");
  },

  async "a save over an older generation changes nothing"(one, other) {
    const key = keyOf("a");
    const before = await generationOf(one, key);
    await saved(other, key, tokenOf("newer"), before);
    const now = await generationOf(one, key);
    equal(await one.save(key, tokenOf("older"), before), false, "save over an older generation");
    const ahead = { ...now, entry: now.entry + 1 };
    equal(await one.save(key, tokenOf("ahead"), ahead), false, "save over a generation to come");
    await holds(one, key, tokenOf("newer"));
    equal(await generationOf(one, key), now, "the generation after saves that were refused");
    await saved(one, key, tokenOf("newest"), now);
    await holds(other, key, tokenOf("newest"));
  },

  async "of saves at once over one generation a single one is kept"(one, other) {
    const key = keyOf("race");
    const over = await generationOf(one, key);
    const tokens = Array.from({ length: 8 }, (_, index) => tokenOf(`racer ${index}`));
    const kept = await Promise.all(
      tokens.map((token, index) => (index % 2 === 0 ? one : other).save(key, token, over)),
    );
    equal(kept.filter(Boolean).length, 1, "how many of eight saves were kept");
    await holds(one, key, tokens[kept.indexOf(true)] as StoredToken);
  },

  async "a save over no generation replaces whatever is there"(one, other) {
    const key = keyOf("a");
    await saved(one, key, tokenOf("first"), undefined);
    await saved(other, key, tokenOf("second"), undefined);
    await holds(one, key, tokenOf("second"));
    equal((await generationOf(one, key)).entry, 2, "the generation after two saves");
    await one.invalidate(key);
    await saved(other, key, tokenOf("third"), undefined);
    await holds(one, key, tokenOf("third"));
  },

  async "a lock has one holder"(one, other) {
    const key = keyOf("a");
    const lock = await taken(one, key, 0);
    equal(await one.tryLock(key, 0), undefined, "a lock that this process holds");
    equal(await other.tryLock(key, 0), undefined, "a lock that another process holds");
    await lock.release();
    await (await taken(other, key, 0)).release();
  },

  async "of many who try a lock at once a single one has it"(one, other) {
    for (let round = 0; round < rounds; round += 1) {
      const tries = Array.from({ length: 16 }, (_, index) =>
        (index % 2 === 0 ? one : other).tryLock(keyOf("a"), 0),
      );
      const locks = (await Promise.all(tries)).filter((lock) => lock !== undefined);
      equal(locks.length, 1, "how many of sixteen have a lock that they try at once");
      await locks[0]?.release();
    }
  },

  async "the lanes of an entry, and the same lane of two entries, are locks of their own"(one, other) {
    const locks = [
      await taken(one, keyOf("a"), 0),
      await taken(other, keyOf("a"), 1),
      await taken(one, keyOf("a"), 2),
      await taken(other, keyOf("b"), 0),
    ];
    equal(await other.tryLock(keyOf("a"), 2), undefined, "lane 2, which is held");
    for (const lock of locks) await lock.release();
  },

  async "a lock that was released twice is not taken from its next holder"(one, other) {
    const key = keyOf("a");
    const first = await taken(one, key, 0);
    await first.release();
    const second = await taken(other, key, 0);
    await first.release();
    equal(await one.tryLock(key, 0), undefined, "a lock that its next holder has");
    await second.release();
  },

  async "whoever holds no lock loads, saves and invalidates all the same"(one, other) {
    const key = keyOf("a");
    const lock = await taken(one, key, 0);
    await saved(other, key, tokenOf("t"), await generationOf(other, key));
    await holds(other, key, tokenOf("t"));
    await other.invalidate(key);
    await isGone(other, key);
    await lock.release();
  },

  async "a failure comes back as it was saved, beside the token"(one, other) {
    const key = keyOf("a");
    await saved(one, key, tokenOf("t"), undefined);
    const generation = await generationOf(one, key);
    for (const failure of [failureOf("first", 1_000), failureOf("second", undefined)]) {
      await one.saveFailure(key, failure);
      const found = await other.load(key);
      equal(found.failure, failure, "a failure");
      equal(found.generation, generation, "the generation after a failure");
    }
    await holds(other, key, tokenOf("t"));
    equal((await one.load(keyOf("b"))).failure, undefined, "the failure of another entry");
  },

  async "a failure needs no token"(one, other) {
    await one.saveFailure(keyOf("a"), failureOf("only", undefined));
    const found = await other.load(keyOf("a"));
    equal(found.token, undefined, "the token beside a first failure");
    equal(found.failure, failureOf("only", undefined), "a first failure");
  },

  async "an invalidated token is gone, and a fetch that had begun is kept out"(one, other) {
    const key = keyOf("a");
    await saved(one, key, tokenOf("before"), undefined);
    const begun = await generationOf(one, key);
    await other.invalidate(key);
    await isGone(one, key);
    equal(await one.save(key, tokenOf("late"), begun), false, "a save of before an invalidation");
    await isGone(one, key);
    await saved(one, key, tokenOf("after"), await generationOf(one, key));
    await holds(other, key, tokenOf("after"));
  },

  async "an invalidated key keeps out a first fetch that had begun"(one, other) {
    const key = keyOf("a");
    const lock = await taken(one, key, 0);
    const begun = await generationOf(one, key);
    await other.invalidate(key);
    equal(await one.save(key, tokenOf("late"), begun), false, "a first save of before an invalidation");
    await isGone(other, key);
    await lock.release();
  },

  async "a beginning invalidates what begins with its parts, and nothing else"(one, other) {
    const [within, deeper] = [entryKey(["a", "b"]), entryKey(["a", "b", "c"])];
    const [beside, longer] = [entryKey(["a", "bb"]), entryKey(["ab", "b"])];
    for (const key of [within, deeper, beside, longer]) await saved(one, key, tokenOf("t"), undefined);
    const begun = await generationOf(one, deeper);
    await other.invalidate(within);
    for (const key of [within, deeper]) await isGone(one, key);
    for (const key of [beside, longer]) await holds(one, key, tokenOf("t"));
    equal(await one.save(deeper, tokenOf("late"), begun), false, "a save of before an invalidation");
  },

  async "clearing forgets every token, and keeps out every fetch that had begun"(one, other) {
    const lock = await taken(one, keyOf("first"), 0);
    const [kept, first] = [keyOf("kept"), keyOf("first")];
    await saved(one, kept, tokenOf("t"), undefined);
    const begun = [await generationOf(one, kept), await generationOf(one, first)] as const;
    await other.clear();
    await isGone(one, kept);
    equal(await one.save(kept, tokenOf("late"), begun[0]), false, "a save of before a clearing");
    equal(await one.save(first, tokenOf("late"), begun[1]), false, "a first save of before a clearing");
    for (const key of [kept, first]) await isGone(other, key);
    await saved(one, kept, tokenOf("after"), await generationOf(one, kept));
    await holds(other, kept, tokenOf("after"));
    await lock.release();
  },

  async "of a save and an invalidation at once no token is left, and no generation is given twice"(
    one,
    other,
  ) {
    for (const beginning of [keyOf("race"), entryKey(["conformance"])])
      await forgets(one, () => other.invalidate(beginning));
  },

  async "of a save and a clearing at once no token is left, and no generation is given twice"(one, other) {
    await forgets(one, () => other.clear());
  },

  async "a failure goes with what is invalidated, and with what is cleared"(one, other) {
    const key = keyOf("a");
    for (const forget of [() => other.invalidate(key), () => other.clear()]) {
      await one.saveFailure(key, failureOf("old", undefined));
      await forget();
      equal((await one.load(key)).failure, undefined, "the failure of what was forgotten");
    }
  },

  async "an empty store can be cleared and invalidated"(one) {
    await one.clear();
    await one.invalidate(keyOf("a"));
    await isGone(one, keyOf("a"));
    await saved(one, keyOf("a"), tokenOf("t"), await generationOf(one, keyOf("a")));
    await holds(one, keyOf("a"), tokenOf("t"));
  },
};

/** How often those who do something at once do it. */
const rounds = 8;
/** Later than any check takes. */
const expiresAt = Date.now() + 3_600_000;

function keyOf(name: string): EntryKey {
  return entryKey(["conformance", name]);
}

function tokenOf(token: string, change: Partial<StoredToken> = {}): StoredToken {
  const login = { account: "0123456789abcdef", session: "fedcba9876543210" };
  return { token, expiresAt, acquiredAt: expiresAt - 3_600_000, login, tokenType: "Bearer", ...change };
}

function failureOf(message: string, retryAfterMs: number | undefined): StoredFailure {
  const login = { account: "0123456789abcdef", session: "" };
  const failure = { failedAt: expiresAt, name: "CredentialUnavailableError", message, network: true, login };
  return retryAfterMs === undefined ? failure : { ...failure, retryAfterMs };
}

async function generationOf(store: TokenStore, key: EntryKey): Promise<Generation> {
  return (await store.load(key)).generation;
}

async function taken(store: TokenStore, key: EntryKey, lane: 0 | 1 | 2): Promise<StoreLock> {
  const lock = await store.tryLock(key, lane);
  if (lock === undefined) throw new Error(`tryLock found lane ${lane} taken, and nobody holds it`);
  return lock;
}

async function saved(
  store: TokenStore,
  key: EntryKey,
  token: StoredToken,
  over: Generation | undefined,
): Promise<void> {
  equal(await store.save(key, token, over), true, "save");
}

async function holds(store: TokenStore, key: EntryKey, expected: StoredToken): Promise<void> {
  const { token } = await store.load(key);
  if (token === undefined) throw new Error("load found no token where one was saved");
  const { ageMs: _, ...known } = token;
  equal(known, expected, "the token that load found");
}

/** A fetch of the entry "race" ends while it is forgotten: now the one begins first, now the other. */
async function forgets(store: TokenStore, forget: () => Promise<void>): Promise<void> {
  const key = keyOf("race");
  for (let round = 0; round < rounds; round += 1) {
    await saved(store, key, tokenOf("before"), undefined);
    const begun = await generationOf(store, key);
    const save = () => store.save(key, tokenOf("at once"), begun);
    const results = await (round % 2 === 0
      ? overlapping(save, forget, round)
      : overlapping(forget, save, round));
    const changes = results.includes(true) ? 2 : 1;
    await isGone(store, key);
    const now = await generationOf(store, key);
    const isLater = now.store > begun.store || now.entry >= begun.entry + changes;
    equal(
      isLater,
      true,
      `that a generation rises with ${changes} changes, from ${textOf(begun)} to ${textOf(now)},`,
    );
    equal(await store.save(key, tokenOf("late"), begun), false, "a save of before that");
  }
}

/** The second begins when the first has come a little further, in each round. */
function overlapping(
  first: () => Promise<unknown>,
  second: () => Promise<unknown>,
  round: number,
): Promise<unknown[]> {
  const later = async () => {
    for (let turn = 0; turn < 3 * round; turn += 1) await undefined;
    return second();
  };
  return Promise.all([first(), later()]);
}

async function isGone(store: TokenStore, key: EntryKey): Promise<void> {
  equal((await store.load(key)).token === undefined, true, "the absence of a token");
}

/** The order of fields does not count, and an undefined one is as none. */
function equal(actual: unknown, expected: unknown, what: string): void {
  const [found, wanted] = [textOf(actual), textOf(expected)];
  if (found !== wanted) throw new Error(`${what} is ${shortened(found)}, and must be ${shortened(wanted)}`);
}

function textOf(value: unknown): string {
  const sorted = (_: string, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part;
  return JSON.stringify(value, sorted) ?? "undefined";
}

function shortened(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}...` : text;
}
