// Every example runs as it stands, and says what it should.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../../examples", import.meta.url));

const says: Record<string, RegExp> = {
  "a-store-of-your-own.mjs": /\d\d promises kept\n.*: 1 fetch\nthe second one has an opaque text: 1 fetch/,
  "an-hour-in-a-table.mjs": /refresh-behind +token 1, 241 s left\n[\s\S]*fresh +token 2/,
  "engine-for-another-host.mjs": /a lease of 30000 ms/,
  "your-own-credential.mjs": /100 callers, 1 fetch\none of them gave up: AbortError/,
};

for (const [example, expected] of Object.entries(says)) {
  test(`${example} runs`, () => {
    const { status, stdout } = spawnSync(process.execPath, [join(folder, example)], {
      encoding: "utf8",
      timeout: 60_000,
      stdio: ["ignore", "pipe", "inherit"],
    });
    assert.equal(status, 0);
    assert.match(stdout, expected);
  });
}

test("no example is left out", () => {
  const examples = readdirSync(folder).filter((name) => name.endsWith(".mjs"));
  assert.deepEqual(examples.sort(), Object.keys(says).sort());
});
