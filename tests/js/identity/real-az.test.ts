// The real az: what each of its operations means for the tokens that are held, by both witnesses at once.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { decodeJwt } from "jose";
import { watchLogin } from "../../../node/ts/login-watch/login-watch.ts";
import { loadLoginWitness } from "../../../node/ts/login-watch/witness.ts";
import type { LoginWatch, Verdict } from "../../../wasm/ts/platform.ts";
import { RealAz } from "../../stand/az.ts";
import { alice, bruno, drone, robot } from "../../stand/directory.ts";
import { type Entra, startEntra } from "../../stand/entra.ts";
import { azNeeds, type Witness, witnesses } from "./stand-in.ts";

const arm = "https://management.azure.com";

let entra: Entra;
let az: RealAz;
let leave = () => {};
before(async () => {
  entra = await startEntra();
  az = await RealAz.create(entra);
  leave = az.enter();
});
after(async () => {
  leave();
  await az[Symbol.asyncDispose]();
  await entra.close();
});
beforeEach(() => az.reset());

/** A watch that has looked once. */
async function watchBy(witness: Witness): Promise<LoginWatch> {
  const before = process.env["ATC_ADDON"];
  process.env["ATC_ADDON"] = witness === "addon" ? "" : "off";
  await loadLoginWitness();
  const watch = watchLogin(azNeeds);
  watch.examine();
  process.env["ATC_ADDON"] = before ?? "";
  return watch;
}

class Watches {
  readonly #watches: readonly LoginWatch[];

  private constructor(watches: readonly LoginWatch[]) {
    this.#watches = watches;
  }

  static async create(): Promise<Watches> {
    const watches: LoginWatch[] = [];
    // One after the other: which witness a watch takes is in the environment.
    for (const witness of witnesses) watches.push(await watchBy(witness));
    return new Watches(watches);
  }

  /** What a call learns now; all must agree. */
  call(what?: string): Verdict | "touched" {
    const [verdict, ...others] = this.#watches.map((watch) => {
      const verdict = watch.unchanged(Date.now()) ? "same" : watch.examine();
      return typeof verdict === "object" && "touched" in verdict ? "touched" : verdict;
    });
    for (const other of others) assert.deepEqual(other, verdict, what);
    assert.ok(verdict !== undefined);
    return verdict;
  }

  /** How a run that does this ended; all must agree. */
  async run(fetch: () => Promise<unknown>): Promise<string> {
    const [watch, other] = this.#watches;
    assert.ok(watch && other);
    const run = await watch.run(() => other.run(fetch));
    if ("error" in run) throw run.error;
    assert.equal(run.value?.stability, run.stability);
    if (run.value && "error" in run.value) throw run.value.error;
    return run.stability;
  }

  admit(token: string): string {
    const [admission, ...others] = this.#watches.map((watch) => watch.admit(token));
    for (const other of others) assert.equal(other, admission);
    return admission ?? "";
  }
}

async function accessToken(...args: string[]): Promise<string> {
  const output = await az.succeed("account", "get-access-token", "--output", "json", ...args);
  return JSON.parse(output).accessToken as string;
}

/** Does it, and compares what the next call learns. */
async function expectAfter(
  watches: Watches,
  operations: [string, () => Promise<unknown>, string][],
): Promise<void> {
  for (const [what, operation, verdict] of operations) {
    await operation();
    assert.equal(watches.call(what), verdict, what);
    assert.equal(watches.call(), "same", `after: ${what}`);
  }
}

test("an application's login, repeated, and what the subscriptions and settings are set to", async () => {
  const watches = await Watches.create();
  const [dev, ops] = entra.directory.subscriptions.map(({ id }) => id);
  assert.ok(dev !== undefined && ops !== undefined);
  await expectAfter(watches, [
    ["first login", () => az.login(robot), "changed"],
    ["a token that az does not hold", () => accessToken("--resource", arm), "same"],
    ["a token that az holds", () => accessToken("--resource", arm), "same"],
    ["account show", () => az.succeed("account", "show"), "same"],
    ["another subscription", () => az.accountSet(ops), "changed"],
    ["the same subscription", () => az.accountSet(ops), "same"],
    ["a setting of the output", () => az.succeed("config", "set", "core.output=json"), "same"],
    ["a default", () => az.succeed("config", "set", "defaults.group=g"), "changed"],
    ["the same application again", () => az.login(robot), "touched"],
    ["another application", () => az.login(drone), "changed"],
    ["its logout", () => az.logout(), "changed"],
    ["everyone's logout", () => az.clearAccounts(), "changed"],
  ]);
});

test("a person's login, repeated, switched, and logged out and in again unseen", async () => {
  const watches = await Watches.create();
  const again = async () => {
    await az.logout();
    await az.login(alice);
  };
  await expectAfter(watches, [
    ["first login", () => az.login(alice), "changed"],
    ["out and in again", again, "touched"],
    ["another person", () => az.login(bruno), "changed"],
  ]);
});

test("runs of az: steady, moved under another account, moved by a login of the same", async () => {
  await az.login(robot);
  const watches = await Watches.create();
  const run = (...then: (() => Promise<void>)[]) =>
    watches.run(async () => {
      await accessToken("--resource", arm);
      for (const operation of then) await operation();
    });
  assert.equal(await run(), "steady");
  assert.equal(await run(), "steady");
  assert.equal(await run(() => az.login(robot)), "movedSameAccount");
  assert.equal(await run(() => az.login(drone)), "moved");
  assert.equal(watches.call(), "changed");
});

test("what az fetched is the account's, and what another account fetched is not", async () => {
  await az.login(robot);
  const watches = await Watches.create();
  const token = await accessToken("--resource", arm);
  assert.equal(watches.admit(token), "ok");
  await az.login(drone);
  assert.equal(watches.call(), "changed");
  assert.notEqual(decodeJwt(token)["appid"], decodeJwt(await accessToken("--resource", arm))["appid"]);
  assert.equal(watches.admit(token), "contradiction");
});
