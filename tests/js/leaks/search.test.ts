// The search for leaked tokens must find one in every form; a search that finds nothing proves nothing.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";
import { assertNoToken, canaryMark, findLeaks, findLeaksIn, standMark } from "../../leaks/search.mjs";
import { run } from "../../stand/run.ts";
import { Signer } from "../../stand/signing.ts";

const token = `${canaryMark}0123456789`;

const leaks: Record<string, Buffer> = {
  plain: Buffer.from(`before ${token} after`),
  "in JSON": Buffer.from(JSON.stringify({ deep: { accessToken: token } })),
  "in a hidden field": Buffer.from(inspect(hiding(token), { showHidden: true })),
  "in a cause": Buffer.from(inspect(new Error("outer", { cause: new Error(token) }))),
  base64: Buffer.from(Buffer.from(`x${token}`).toString("base64")),
  "base64, one byte later": Buffer.from(Buffer.from(`xy${token}`).toString("base64")),
  "base64, two bytes later": Buffer.from(Buffer.from(`xyz${token}`).toString("base64")),
  "UTF-16LE": Buffer.from(token, "utf16le"),
  "UTF-16BE": Buffer.from(token, "utf16le").swap16(),
};

for (const [form, bytes] of Object.entries(leaks)) {
  test(`a planted token is found: ${form}`, () => {
    assert.notEqual(findLeaks(bytes).length, 0);
  });
}

test("a token of the stand is found by its header", async () => {
  const signed = (await Signer.create()).sign({ sub: "somebody" });
  assert.ok(signed.startsWith(standMark));
  assert.notEqual(findLeaks(Buffer.from(`Bearer ${signed}`)).length, 0);
});

test("a folder is searched to its leaves, and the file is named", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "leaks-"));
  context.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "clean.log"), "nothing to see");
  assert.deepEqual(findLeaksIn(folder), []);
  writeFileSync(join(folder, "leaky.log"), leaks["base64"] ?? "");
  assert.deepEqual(
    findLeaksIn(folder).map(({ file }) => file),
    [join(folder, "leaky.log")],
  );
});

test("the name of a file and of a folder is searched too", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "leaks-"));
  context.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, token));
  writeFileSync(join(folder, Buffer.from(token).toString("base64url")), "");
  assert.deepEqual(
    findLeaksIn(folder)
      .map(({ name }) => name)
      .sort(),
    ["base64 at offset 0, in a name", "plain, in a name"],
  );
});

test("what a program said is refused with a token in it, and the error has none", () => {
  assertNoToken("nothing to see", "its words");
  const message = "a token (plain) at byte 7 of its words";
  assert.throws(() => assertNoToken(`Bearer ${token}`, "its words"), { message });
});

test("a program that prints a token is refused, but for one that is asked for it and prints it where it should", async () => {
  const start = (to: string, printsTokens: boolean) => {
    const args = ["--eval", `process.${to}.write(process.env.SAID)`];
    return run(process.execPath, args, { env: { SAID: token }, printsTokens }).ended;
  };
  await assert.rejects(start("stdout", false), /a token \(plain\) at byte 0 of standard output/);
  await assert.rejects(start("stderr", false), /standard error/);
  await assert.rejects(start("stderr", true), /standard error/);
  assert.equal((await start("stdout", true)).stdout, token);
});

function hiding(secret: string): object {
  return Object.defineProperty({}, "secret", { value: secret, enumerable: false });
}
