// What every runtime must be able to do with the package: one fetch for a crowd, a hit, time by ManualClock, a sealed store, the raw engine.

const hourMs = 3_600_000;
const scope = "https://vault.azure.net/.default";

/**
 * Uses the package's exports; throws at the first thing that is not as promised.
 *
 * @param {{ withTokenCache: Function, TokenCache: Function, seal: Function }} root
 * @param {{ ManualClock: new () => { unixMillis(): number, advance(ms: number): void } }} testing
 * @param {{ createEngine: Function }} core
 */
export async function use(root, testing, core) {
  await crowdAndHit(root);
  await expiry(root, testing);
  await sealedStore(root);
  check(typeof core.createEngine === "function", "the raw engine is exported");
  return "used";
}

async function crowdAndHit({ withTokenCache, TokenCache }) {
  const source = numbered(Date.now);
  const credential = withTokenCache(source);
  const crowd = await Promise.all(Array.from({ length: 20 }, () => credential.getToken(scope)));
  check(new Set(crowd.map(({ token }) => token)).size === 1 && source.fetches === 1, "20 callers, one fetch");
  check(
    (await credential.getToken([scope])).token === crowd[0].token && source.fetches === 1,
    "a hit fetches nothing",
  );
  check(
    (await credential.getToken("https://storage.azure.com/.default")).token !== crowd[0].token,
    "another scope",
  );
  const shared = new TokenCache().wrap(numbered(Date.now));
  check((await shared.getToken(scope)).token === "CANARY-token-1", "a cache that several share");
}

async function expiry({ withTokenCache }, { ManualClock }) {
  const clock = new ManualClock();
  const source = numbered(() => clock.unixMillis());
  const credential = withTokenCache(source, { clock });
  await credential.getToken(scope);
  await clock.advance(hourMs / 2);
  check((await credential.getToken(scope)).token === "CANARY-token-1", "half an hour later the same token");
  await clock.advance(hourMs / 2);
  check((await credential.getToken(scope)).token === "CANARY-token-2", "after its end another");
}

/** Two caches that share nothing but bytes, and what those bytes tell. */
async function sealedStore({ withTokenCache, seal }) {
  const bytes = new Bytes();
  const key = crypto.getRandomValues(new Uint8Array(32));
  const [first, second] = [numbered(Date.now), numbered(Date.now)];
  const through = (source) => withTokenCache(source, { store: seal(bytes, { key }), partition: "of both" });
  const { token } = await through(first).getToken(scope);
  await bytes.saved;
  check(
    (await through(second).getToken(scope)).token === token && second.fetches === 0,
    "another cache finds it",
  );
  const kept = [...bytes.kept.values()].map((value) => new TextDecoder().decode(value));
  check(kept.length > 0 && !kept.some((text) => text.includes(token)), "the store sees no token");
}

/** Keeps bytes; `saved` is when it first keeps any. */
class Bytes {
  kept = new Map();
  held = new Set();
  saved = new Promise((resolve) => {
    this.tell = resolve;
  });
  async load(name) {
    return this.kept.get(name);
  }
  async save(name, value) {
    this.kept.set(name, value);
    this.tell();
  }
  async remove(name) {
    this.kept.delete(name);
  }
  async list() {
    return [...this.kept.keys()];
  }
  async lock(name) {
    if (this.held.has(name)) return null;
    this.held.add(name);
    return () => this.held.delete(name);
  }
  async clear() {
    this.kept.clear();
  }
}

function numbered(now) {
  return {
    fetches: 0,
    async getToken() {
      this.fetches += 1;
      return { token: `CANARY-token-${this.fetches}`, expiresOnTimestamp: now() + hourMs };
    },
  };
}

function check(holds, what) {
  if (!holds) throw new Error(`not so: ${what}`);
}
