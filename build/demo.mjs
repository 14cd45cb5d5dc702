// Sets up what the demo needs, then shows it; arguments go to the demo (`npm run demo -- --mine`).
import { join } from "node:path";
import { handOver, setUpFor } from "./hand-over.mjs";
import { root } from "./root.mjs";

const demo = join(root, "examples", "demo", "demo.ts");

setUpFor("demo");
process.exitCode = handOver(process.execPath, ["--import", "tsx", demo, ...process.argv.slice(2)]);
