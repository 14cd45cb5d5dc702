// The README's support table is the one that the tests prove.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readmeWithTable } from "../../../build/support-table.mjs";

test("the README's support table is generated from the list", () => {
  const { written, generated } = readmeWithTable();
  assert.equal(written, generated, "npm run support-table writes it");
});
