// The local time zone around now, as it is handed to core: the offsets, and the second of the change between them.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { zoneAround } from "../../../node/ts/zone.ts";

const before = process.env["TZ"];
after(() => {
  if (before === undefined) delete process.env["TZ"];
  else process.env["TZ"] = before;
});

const utc = (text: string) => Date.parse(`${text}Z`);
const hour = 3600;

test("a zone that does not change now has one offset", () => {
  process.env["TZ"] = "Asia/Kolkata";
  const { before, after } = zoneAround(utc("2026-11-21T12:00:00"));
  assert.deepEqual([before, after], [5.5 * hour, 5.5 * hour]);
  process.env["TZ"] = "America/New_York";
  assert.equal(zoneAround(utc("2026-07-01T00:00:00")).before, -4 * hour);
});

test("a change that is near is found to the second, before and after it", () => {
  for (const [zone, change, from, to] of [
    ["Europe/Berlin", "2026-10-25T01:00:00", 2, 1],
    ["Europe/Berlin", "2026-03-29T01:00:00", 1, 2],
    ["America/St_Johns", "2026-11-01T04:30:00", -2.5, -3.5],
    ["Australia/Lord_Howe", "2026-04-04T15:00:00", 11, 10.5],
  ] as const) {
    process.env["TZ"] = zone;
    for (const hours of [-48, -1, 0, 1, 48]) {
      assert.deepEqual(
        zoneAround(utc(change) + hours * hour * 1000),
        { before: from * hour, changesAt: utc(change) / 1000, after: to * hour },
        `${zone}, ${hours} h from its change`,
      );
    }
  }
});
