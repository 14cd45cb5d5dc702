// Where tokens stand in a store: under the login of now, also for who has waited.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LoginWatch } from "../../../wasm/ts/platform.ts";
import { keysFor } from "../../../wasm/ts/shelf.ts";

/** Somebody else logs in, and the watch has not looked since. */
function moved() {
  const login = { is: "ann", seen: "ann" };
  const seen = () => ({ account: login.seen, session: "1" });
  const watch = {
    everyMs: 0,
    unchanged() {
      const isSame = login.seen === login.is;
      login.seen = login.is;
      return isSame;
    },
    stored: () => ({ key: new Uint8Array([1]), login: seen() }),
    standing: () => ({ who: new Uint8Array([2]), told: true, login: seen() }),
    place: () => new Uint8Array([3]),
  };
  return { login, watch: watch as unknown as LoginWatch };
}

const plain = { tenantId: undefined, cae: false, claims: undefined };

describe("the login of an entry", () => {
  for (const [name, whose] of [
    ["of az", "login"],
    ["in a named partition", { named: "p" }],
  ] as const)
    it(`${name} is looked at when it is asked for`, () => {
      const { login, watch } = moved();
      const entry = keysFor("credential", whose, watch).find(["s"], plain);
      assert.deepEqual([entry?.login.account, entry?.loginNow()?.account], ["ann", "ann"]);
      login.is = "ben";
      assert.equal(entry?.loginNow()?.account, "ben");
    });
});
