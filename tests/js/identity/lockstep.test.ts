// Random changes of a real folder: both witnesses learn the same at each call, and never "same" of another account.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { loadLoginWitness } from "../../../node/ts/login-watch/witness.ts";
import type { Verdict } from "../../../wasm/ts/platform.ts";
import { profileOf, Stand, witnesses } from "./stand-in.ts";

/** A change of the folder; answers who is logged in after it: `undefined` of files that do not say. */
type Change = (stand: Stand, before: string | undefined) => string | undefined;

const write =
  (user: string, how: "write" | "writeKeepingTimes" | "replace"): Change =>
  (stand) => {
    stand[existsSync(stand.path()) ? how : "write"](profileOf(user));
    return user;
  };

const changes: Record<string, Change> = {
  ...Object.fromEntries(
    ["ann", "ben", "cat"].flatMap((user) =>
      (["write", "writeKeepingTimes", "replace"] as const).map((how) => [`${how} ${user}`, write(user, how)]),
    ),
  ),
  tear: (stand) => {
    stand.write(profileOf("ann").slice(0, 70));
    return undefined;
  },
  "log out": (stand) => {
    stand.write('{"subscriptions":[]}');
    return "nobody";
  },
  "remove the folder": (stand) => {
    rmSync(stand.folder, { recursive: true });
    mkdirSync(stand.folder);
    return "nobody";
  },
  "write secrets": (stand, before) => {
    stand.write(String(Math.random()), "msal_token_cache.json");
    return before;
  },
  "write other settings": (stand, before) => {
    stand.write(`[core]\nx = ${Math.random()}\n`, "config");
    return before;
  },
  "a little time": (stand, before) => {
    stand.pass(20);
    return before;
  },
  "enough time to settle": (stand, before) => {
    stand.pass(2_600);
    return before;
  },
};

const isUnreadable = (verdict: Verdict) =>
  typeof verdict === "object" && ("retryAfterMs" in verdict || "error" in verdict);

/** Without what differs between two verdicts that mean the same. */
const meaning = (verdict: Verdict) => (typeof verdict === "object" ? Object.keys(verdict) : verdict);

test("random changes", { timeout: 120_000 }, async (context) => {
  const change = fc.oneof(fc.constantFrom(...Object.keys(changes)), fc.constant("enough time to settle"));
  // Called more often than not: what is called is what settles.
  const step = fc.tuple(change, fc.oneof(fc.constant(true), fc.boolean()));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      using stand = new Stand(context, "addon");
      const watches = [];
      for (const witness of witnesses) {
        process.env["ATC_ADDON"] = witness === "addon" ? "" : "off";
        await loadLoginWitness();
        watches.push(await stand.watch());
      }
      let account: string | undefined = "nobody";
      let known: string | undefined = account;
      for (const [name, isCalled] of steps) {
        account = changes[name]?.(stand, account);
        if (!isCalled) continue;
        const [verdict, other]: (Verdict | undefined)[] = watches.map((watch) => stand.call(watch));
        assert.ok(verdict !== undefined && other !== undefined);
        assert.deepEqual(meaning(other), meaning(verdict), name);
        assert.equal(isUnreadable(verdict), account === undefined, name);
        if (account === undefined) continue;
        assert.equal(verdict === "changed", account !== known, `${name}: ${known} became ${account}`);
        known = account;
      }
    }),
    { numRuns: 300 },
  );
});
