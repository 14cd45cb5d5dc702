// What every runtime must be able to do with the package: one fetch for a crowd, a hit, time by ManualClock, the raw engine.

const hourMs = 3_600_000;
const scope = "https://vault.azure.net/.default";

/**
 * Uses the package's exports; throws at the first thing that is not as promised.
 *
 * @param {{ withTokenCache: Function, TokenCache: Function }} root
 * @param {{ ManualClock: new () => { unixMillis(): number, advance(ms: number): void } }} testing
 * @param {{ createEngine: Function }} core
 */
export async function use(root, testing, core) {
  await crowdAndHit(root);
  await expiry(root, testing);
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
  check((await shared.getToken(scope)).token === "token 1", "a cache that several share");
}

async function expiry({ withTokenCache }, { ManualClock }) {
  const clock = new ManualClock();
  const source = numbered(() => clock.unixMillis());
  const credential = withTokenCache(source, { clock });
  await credential.getToken(scope);
  await clock.advance(hourMs / 2);
  check((await credential.getToken(scope)).token === "token 1", "half an hour later the same token");
  await clock.advance(hourMs / 2);
  check((await credential.getToken(scope)).token === "token 2", "after its end another");
}

function numbered(now) {
  return {
    fetches: 0,
    async getToken() {
      this.fetches += 1;
      return { token: `token ${this.fetches}`, expiresOnTimestamp: now() + hourMs };
    },
  };
}

function check(holds, what) {
  if (!holds) throw new Error(`not so: ${what}`);
}
