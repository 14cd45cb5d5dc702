// A chain that ends in a tool of this machine, on the files that the tool leaves: walked again when the login changes.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as identity from "@azure/identity";
import type { CacheEvent } from "azure-token-cache";
import { withTokenCache } from "azure-token-cache";
import { MemoryTokenStore } from "azure-token-cache/testing";
import { profileOf, type Stand, tenant, testEach, tokenOf } from "../identity/stand-in.ts";

const scope = "https://vault.azure.net/.default";

/** az, which counts its starts and prints the token that is there. */
function installAz(stand: Stand): { logIn(user: string): void; starts(): number } {
  const bin = join(stand.home, "bin");
  mkdirSync(bin);
  const script = `#!/bin/sh
echo started >> "${stand.home}/starts"
read -r token < "${stand.home}/token" || exit 1
printf '{"accessToken":"%s","expires_on":%s,"tokenType":"Bearer"}' "$token" $(($(date +%s) + 3600))
`;
  writeFileSync(join(bin, "az"), script);
  chmodSync(join(bin, "az"), 0o755);
  process.env["PATH"] = `${bin}:/usr/bin:/bin`;
  writeFileSync(join(stand.home, "starts"), "");
  return {
    logIn(user) {
      writeFileSync(join(stand.home, "token"), `${tokenOf({ tid: tenant, oid: user })}\n`);
      stand.write(profileOf(user));
      // What is older than a quarter of a second has been written to its end.
      stand.pass(1_000);
    },
    starts: () => readFileSync(join(stand.home, "starts"), "utf8").split("\n").length - 1,
  };
}

/** As what DefaultAzureCredential has for a part that cannot be made: it has no token, ever. */
class Skipped {
  readonly credentialUnavailableErrorMessage = "not here";
  readonly credentialName = "skipped";
  asked = 0;

  async getToken() {
    this.asked += 1;
    return null;
  }
}

function chain(): { credential: identity.ChainedTokenCredential; walked(): number } {
  const before = new Skipped();
  const credential = new identity.ChainedTokenCredential(before, new identity.AzureCliCredential());
  return { credential, walked: () => before.asked };
}

testEach(
  "a chain without a partition shares each login's tokens, and walks again for another login",
  async (stand) => {
    const az = installAz(stand);
    const store = new MemoryTokenStore();
    const wrap = (events: CacheEvent[] = []) => {
      const { credential, walked } = chain();
      return {
        wrapped: withTokenCache(credential, { store, onEvent: (event) => events.push(event) }),
        walked,
      };
    };
    az.logIn("ann");
    const events: CacheEvent[] = [];
    const first = wrap(events);
    const ann = (await first.wrapped.getToken(scope))?.token;
    for (let call = 0; call < 5; call += 1) assert.equal((await first.wrapped.getToken(scope))?.token, ann);
    assert.deepEqual([first.walked(), az.starts()], [1, 1]);
    await saved(store, 1);
    const second = wrap();
    assert.equal((await second.wrapped.getToken(scope))?.token, ann);
    assert.deepEqual([second.walked(), az.starts()], [0, 1], "found in the store");

    az.logIn("ben");
    const ben = (await first.wrapped.getToken(scope))?.token;
    assert.notEqual(ben, ann);
    assert.deepEqual([first.walked(), az.starts()], [2, 2], "walked again");
    assert.ok(events.some((event) => event.type === "identity-changed"));
    await saved(store, 2);
    assert.equal((await second.wrapped.getToken(scope))?.token, ben);
    assert.equal((await wrap().wrapped.getToken(scope))?.token, ben);
    assert.deepEqual([second.walked(), az.starts()], [0, 2]);
  },
);

testEach("with a partition, nobody is served the former user's token out of the store", async (stand) => {
  const az = installAz(stand);
  const store = new MemoryTokenStore();
  const wrap = () => withTokenCache(chain().credential, { store, partition: "my app" });
  az.logIn("ann");
  const ann = (await wrap().getToken(scope))?.token;
  await saved(store, 1);
  az.logIn("ben");
  const ben = (await wrap().getToken(scope))?.token;
  assert.notEqual(ben, ann);
  assert.equal(az.starts(), 2);
});

/** What is saved behind callers takes a few turns. */
async function saved(store: MemoryTokenStore, count: number): Promise<void> {
  while (store.held.length < count) await new Promise(setImmediate);
}
