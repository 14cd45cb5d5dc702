// The main job in a terminal: az processes with and without the cache, an account switch, an outage. Every number is counted.
import { parseArgs } from "node:util";
import { mine } from "./mine.ts";
import { offline } from "./offline.ts";

const { values } = parseArgs({
  options: { mine: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
});

if (values.help) {
  console.log("npm run demo            the real az, logged in against a local stand-in for Entra ID");
  console.log("npm run demo -- --mine  the login that you have; it only reads");
} else {
  process.exitCode = await (values.mine ? mine() : offline());
}
