// The search for leaked tokens must find one in every form; a search that finds nothing proves nothing.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";
import { canaryMark, findLeaks, findLeaksIn, standMark } from "../../leaks/search.mjs";
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

function hiding(secret: string): object {
  return Object.defineProperty({}, "secret", { value: secret, enumerable: false });
}
