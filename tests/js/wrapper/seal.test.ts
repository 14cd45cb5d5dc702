// seal(): what stands in a store for bytes, and that nobody reads or changes it without the key.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import {
  type ByteStore,
  entryKey,
  OptionError,
  type StoredToken,
  seal,
  type TokenStore,
} from "azure-token-cache";
import { tokenStoreChecks } from "azure-token-cache/testing";

const key = Uint8Array.from({ length: 32 }, (_, index) => index);
const otherKey = key.map((byte) => 255 - byte);
const entry = entryKey(["token 1", "a"]);
const login = { account: "0a", session: "0b" };

function token(text: string): StoredToken {
  return {
    token: text,
    expiresAt: Date.now() + 3_600_000,
    acquiredAt: Date.now(),
    login,
    tokenType: "Bearer",
  };
}

/** Bytes in a map, with locks that a crash does not let go of. */
class Bytes implements ByteStore {
  readonly kept = new Map<string, Uint8Array>();
  readonly locked = new Set<string>();

  async load(name: string) {
    return this.kept.get(name);
  }

  async save(name: string, bytes: Uint8Array) {
    this.kept.set(name, bytes.slice());
  }

  async remove(name: string) {
    this.kept.delete(name);
  }

  async list() {
    return [...this.kept.keys()];
  }

  async lock(name: string) {
    if (this.locked.has(name)) return null;
    this.locked.add(name);
    return () => {
      this.locked.delete(name);
    };
  }

  async clear() {
    this.kept.clear();
  }
}

interface Vector {
  readonly vault_key: string;
  readonly entry_key: string;
  readonly file: string;
  readonly json: string;
  readonly bytes: string;
}

describe("a sealed store", () => {
  it("opens what host sealed", async () => {
    const file = new URL("../../../host/tests/sealed-vectors/sealed.json", import.meta.url);
    const vectors = JSON.parse(readFileSync(file, "utf8")) as Vector[];
    let tokens = 0;
    let failures = 0;
    for (const vector of vectors) {
      const bytes = new Bytes();
      bytes.kept.set(vector.file, Buffer.from(vector.bytes, "hex"));
      const store = seal(bytes, { key: Buffer.from(vector.vault_key, "hex") });
      const { content, generation } = JSON.parse(vector.json);
      if (generation.store > 0) continue;
      const found = await store.load(Buffer.from(vector.entry_key, "hex"));
      if (content.failure !== undefined) {
        failures += 1;
        assert.equal(found.failure?.failedAt, content.failure.failed_at_ms);
        assert.equal(found.failure?.name, content.failure.class);
        assert.equal(found.failure?.message, content.failure.message);
      } else assert.equal(found.generation.entry, generation.entry);
    }
    // A token of a store that was cleared once is there once the store is.
    for (const vector of vectors.filter(({ json }) => json.includes('"store":1'))) {
      const bytes = new Bytes();
      const store = seal(bytes, { key: Buffer.from(vector.vault_key, "hex") });
      await store.clear();
      bytes.kept.set(vector.file, Buffer.from(vector.bytes, "hex"));
      const { content, generation } = JSON.parse(vector.json);
      const found = await store.load(Buffer.from(vector.entry_key, "hex"));
      assert.deepEqual(found.generation, generation);
      assert.equal(found.token?.token, content.token.secret);
      assert.equal(found.token?.expiresAt, content.token.expires_at_ms);
      assert.deepEqual(found.token?.login, { account: "0102", session: "0304" });
      assert.deepEqual(found.token?.extra, content.token.extra);
      tokens += 1;
    }
    assert.ok(tokens > 0 && failures > 0);
  });

  it("gives back what it keeps, and nothing in it can be read", async () => {
    const bytes = new Bytes();
    const store = seal(bytes, { key });
    const kept = token("CANARY-sealed");
    assert.equal(await store.save(entry, { ...kept, extra: { a: [1] } }, undefined), true);
    const found = await store.load(entry);
    assert.deepEqual(found.token, { ...kept, extra: { a: [1] } });
    for (const [name, sealed] of bytes.kept) {
      assert.match(name, /^[0-9a-f]{64}$/);
      assert.ok(!Buffer.from(sealed).toString("latin1").includes("CANARY"));
      assert.ok(!Buffer.from(sealed).toString("latin1").includes("token 1"));
    }
  });

  it("takes nothing that was changed, cut, moved to another name or sealed with another key", async () => {
    const bytes = new Bytes();
    const store = seal(bytes, { key });
    await store.save(entry, token("t"), undefined);
    const [[name, sealed]] = [...bytes.kept] as [[string, Uint8Array]];
    for (let length = 0; length < sealed.length; length += 1) {
      bytes.kept.set(name, sealed.slice(0, length));
      assert.equal((await store.load(entry)).token, undefined, `cut to ${length}`);
    }
    for (let at = 0; at < sealed.length; at += 1) {
      const flipped = sealed.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      bytes.kept.set(name, flipped);
      assert.equal((await store.load(entry)).token, undefined, `byte ${at}`);
    }
    const other = entryKey(["token 1", "b"]);
    await store.save(other, token("u"), undefined);
    const otherName = [...bytes.kept.keys()].find((each) => each !== name) ?? "";
    bytes.kept.set(otherName, sealed);
    assert.equal((await store.load(other)).token, undefined, "under another name");
    bytes.kept.set(name, sealed);
    assert.equal((await store.load(entry)).token?.token, "t");
    assert.equal((await seal(bytes, { key: otherKey }).load(entry)).token, undefined, "another key");
  });

  it("opens with all its keys and seals with the first", async () => {
    const bytes = new Bytes();
    await seal(bytes, { key }).save(entry, token("old"), undefined);
    const rotating = seal(bytes, { keys: [otherKey, key] });
    const found = await rotating.load(entry);
    assert.equal(found.token?.token, "old");
    assert.equal(await rotating.save(entry, token("new"), found.generation), true);
    assert.equal((await rotating.load(entry)).token?.token, "new");
    assert.equal((await seal(bytes, { key: otherKey }).load(entry)).token?.token, "new");
  });

  describe("while its key is changed, machine by machine", () => {
    const machines = () => {
      const bytes = new Bytes();
      return {
        bytes,
        early: seal(bytes, { keys: [key, otherKey] }),
        late: seal(bytes, { keys: [otherKey, key] }),
      };
    };
    const textIn = async (store: TokenStore) => (await store.load(entry)).token?.token;

    const places = new Map<string, TokenStore>();
    const checks = tokenStoreChecks((place) => {
      const known = places.get(place);
      if (known !== undefined) return known;
      const { early, late } = machines();
      places.set(place, late);
      return early;
    });
    for (const { name, run } of checks) it(`keeps a promise: ${name}`, run);

    it("has one token, the last one, whoever saved it", async () => {
      const { bytes, early, late } = machines();
      await seal(bytes, { key }).save(entry, token("of the old key"), undefined);
      for (const [index, store] of [late, early, late, early].entries()) {
        const { generation } = await store.load(entry);
        assert.equal(await store.save(entry, token(`token ${index}`), generation), true);
        for (const each of [early, late]) {
          assert.equal(await textIn(each), `token ${index}`);
          assert.equal((await each.load(entry)).generation.entry, index + 2);
        }
        assert.equal(bytes.kept.size, 1, "what was sealed with the other key is gone");
      }
    });

    it("has the later one where a crash left both", async () => {
      const { bytes, early, late } = machines();
      await early.save(entry, token("earlier"), undefined);
      const crashed = new Map(bytes.kept);
      await late.save(entry, token("later"), undefined);
      for (const [name, sealed] of crashed) bytes.kept.set(name, sealed);
      for (const store of [early, late]) assert.equal(await textIn(store), "later");
    });

    it("keeps invalidated tokens and failures away, and results of fetches that had begun", async () => {
      const failure = { failedAt: Date.now(), name: "Error", message: "no", network: false, login };
      for (const beginning of [entry, entryKey(["token 1"])])
        for (const order of ["early", "late"] as const) {
          const { [order]: one, [order === "early" ? "late" : "early"]: other } = machines();
          await one.save(entry, token("t"), undefined);
          await one.saveFailure(entry, failure);
          const begun = (await one.load(entry)).generation;
          await other.invalidate(beginning);
          for (const store of [one, other]) {
            const found = await store.load(entry);
            assert.deepEqual([found.token, found.failure], [undefined, undefined]);
            assert.equal(await store.save(entry, token("late"), begun), false);
          }
          await one.save(entry, token("u"), undefined);
          await other.clear();
          for (const store of [one, other]) assert.equal(await textIn(store), undefined);
        }
    });

    it("gives who waits the last failure", async () => {
      const { early, late } = machines();
      const failure = { failedAt: 1_000, name: "Error", message: "first", network: false, login };
      await late.saveFailure(entry, failure);
      await early.saveFailure(entry, { ...failure, failedAt: 2_000, message: "second" });
      for (const store of [early, late]) assert.equal((await store.load(entry)).failure?.message, "second");
    });

    it("has one holder of a lock, whatever each machine's first key is", async () => {
      const { bytes, early, late } = machines();
      const stores = [early, late, seal(bytes, { key }), seal(bytes, { key: otherKey })];
      for (const holder of [early, late]) {
        const lock = await holder.tryLock(entry, 0);
        assert.ok(lock);
        for (const other of stores) assert.equal(await other.tryLock(entry, 0), undefined);
        await lock.release();
        assert.equal(bytes.locked.size, 0);
      }
      for (const holder of stores.slice(2)) {
        const lock = await holder.tryLock(entry, 0);
        for (const other of [early, late]) assert.equal(await other.tryLock(entry, 0), undefined);
        assert.equal(bytes.locked.size, 1, "a lock of which one name is taken is taken under none");
        await lock?.release();
      }
      const lock = bytes.lock.bind(bytes);
      const tries = [early, late, early, late];
      let waiting = tries.length;
      let allHaveTried = () => {};
      const tried = new Promise<void>((resolve) => {
        allHaveTried = resolve;
      });
      bytes.lock = async (name) => {
        const taken = await lock(name);
        waiting -= 1;
        if (waiting === 0) allHaveTried();
        await tried;
        return taken;
      };
      const taken = await Promise.all(tries.map((store) => store.tryLock(entry, 0)));
      assert.equal(taken.filter(Boolean).length, 1);
    });

    it("keeps no name of a lock of which another name cannot be taken", async () => {
      const { bytes, early } = machines();
      const lock = bytes.lock.bind(bytes);
      let locks = 0;
      bytes.lock = async (name) => {
        locks += 1;
        if (locks === 2) throw new RangeError("no server");
        return lock(name);
      };
      await assert.rejects(early.tryLock(entry, 0), RangeError);
      assert.equal(bytes.locked.size, 0);
    });
  });

  it("takes no lock for its own that is taken, in whichever word", async () => {
    for (const taken of [null, undefined]) {
      const bytes = new Bytes();
      bytes.lock = async () => taken as null;
      assert.equal(await seal(bytes, { key }).tryLock(entry, 0), undefined);
    }
  });

  it("takes a key that is there twice as one", async () => {
    const store = seal(new Bytes(), { keys: [key, key] });
    assert.equal(await store.save(entry, token("t"), undefined), true);
    assert.equal((await store.load(entry)).token?.token, "t");
    assert.ok(await store.tryLock(entry, 0));
  });

  it("saves over no newer result", async () => {
    const store = seal(new Bytes(), { key });
    const { generation } = await store.load(entry);
    assert.equal(await store.save(entry, token("first"), generation), true);
    assert.equal(await store.save(entry, token("late"), generation), false);
    assert.equal((await store.load(entry)).token?.token, "first");
    const seen = (await store.load(entry)).generation;
    await store.invalidate(entry);
    assert.equal(await store.save(entry, token("late"), seen), false);
    const buried = (await store.load(entry)).generation;
    await store.clear();
    assert.equal(await store.save(entry, token("late"), buried), false);
    assert.equal((await store.load(entry)).token, undefined);
  });

  it("invalidates what begins with a key, and nothing else", async () => {
    const store = seal(new Bytes(), { key });
    const keys = [entryKey(["a", "b", "c"]), entryKey(["a", "b", "d"]), entryKey(["a", "c", "c"])];
    for (const each of keys) await store.save(each, token("t"), undefined);
    await store.invalidate(entryKey(["a", "b"]));
    const left = await Promise.all(keys.map(async (each) => (await store.load(each)).token !== undefined));
    assert.deepEqual(left, [false, false, true]);
  });

  it("says so where another process does not let go of its save lock", async () => {
    const bytes = new Bytes();
    const store = seal(bytes, { key });
    await store.save(entry, token("t"), undefined);
    const lock = bytes.lock.bind(bytes);
    bytes.lock = async (name) => (name.endsWith(".save") ? null : lock(name));
    await assert.rejects(store.save(entry, token("u"), undefined), /save lock/);
    assert.equal((await store.load(entry)).token?.token, "t");
  });

  it("refuses a key that is none, and a store without a method", () => {
    for (const options of [{}, { key: new Uint8Array(31) }, { keys: [] }, { key: "text" }, undefined])
      assert.throws(() => seal(new Bytes(), options as never), { name: "OptionError", option: "key" });
    assert.throws(() => seal({} as never, { key }), OptionError);
  });
});
