// Differing configurations never share an entry of a store, equal ones always do, and the check can fail.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import * as identity from "@azure/identity";
import { copies, type Identity } from "../identity/copies.ts";
import { brokenDerivations } from "./broken.ts";
import { type Configuration, configurations, withFolder } from "./configurations.ts";
import { keyOf, ready } from "./keys.ts";

await ready();

type KeyOf = typeof keyOf;

test("several hundred differing configurations never meet", () => {
  withFolder((folder) => {
    const all = configurations(folder);
    assert.ok(all.length >= 400, `${all.length} configurations`);
    assert.deepEqual(meetings(all, keyOf), []);
  });
});

test("equal configurations meet, of whichever copy of @azure/identity", () => {
  withFolder((folder) => {
    const all = configurations(folder);
    const expected = all.map((one) => keyIn(one, identity, keyOf));
    for (const copy of copies) {
      const keys = all.map((one) => keyIn(one, copy.identity, keyOf));
      const other = all.filter((_, at) => keys[at] !== expected[at]).map(({ name }) => name);
      assert.deepEqual(other, [], copy.name);
    }
  });
});

test("equal configurations meet across processes", () => {
  const subject = fileURLToPath(new URL("./keys.subject.ts", import.meta.url));
  const printed = execFileSync(process.execPath, ["--import", "tsx", subject], { encoding: "utf8" });
  withFolder((folder) => {
    const keys = configurations(folder).map((one) => Buffer.from(keyIn(one, identity, keyOf), "latin1"));
    assert.deepEqual(
      JSON.parse(printed),
      keys.map((key) => key.toString("base64")),
    );
  });
});

test("no secret stands in a key", () => {
  withFolder((folder) => assert.deepEqual(leaks(configurations(folder), keyOf), []));
});

for (const broken of await brokenDerivations())
  test(`the checks catch a derivation with ${broken.name}`, () => {
    withFolder((folder) => {
      const all = configurations(folder);
      assert.notEqual(meetings(all, broken.keyOf).length + leaks(all, broken.keyOf).length, 0);
    });
  });

test("half a character is no identity", () => {
  const make = (client: string, secret: string) => new identity.ClientSecretCredential("a", client, secret);
  for (const half of [make("\ud83d", "s"), make("a", "\ude00")])
    assert.throws(() => keyOf(half), { name: "OptionError", option: "partition" });
});

/** The names of those that share a key, in pairs. */
function meetings(all: readonly Configuration[], keyOf: KeyOf): string[] {
  const seen = new Map<string, string>();
  const met: string[] = [];
  for (const one of all) {
    const key = keyIn(one, identity, keyOf);
    const other = seen.get(key);
    if (other !== undefined) met.push(`${other} = ${one.name}`);
    seen.set(key, one.name);
  }
  return met;
}

/** The names of those in whose keys a secret stands. */
function leaks(all: readonly Configuration[], keyOf: KeyOf): string[] {
  const isIn = (key: Buffer, secret: string) => {
    const bytes = Buffer.from(secret);
    // The last characters of base64 depend on what comes behind.
    const base64 = bytes.toString("base64").replace(/=*$/, "").slice(0, -1);
    return [bytes, Buffer.from(secret, "utf16le"), base64, bytes.toString("hex")].some((form) =>
      key.includes(form),
    );
  };
  return all
    .filter((one) => one.secrets.some((secret) => isIn(keyOf(one.make(identity), one.asked), secret)))
    .map(({ name }) => name);
}

function keyIn(one: Configuration, identity: Identity, keyOf: KeyOf): string {
  return keyOf(one.make(identity), one.asked).toString("latin1");
}
