// Sets the checkout up, then runs the benches; arguments go to them.
import { join } from "node:path";
import { handOver, setUpFor } from "./hand-over.mjs";
import { root } from "./root.mjs";

setUpFor("bench");
process.exitCode = handOver(process.execPath, [
  join(root, "tests", "bench", "run.mjs"),
  ...process.argv.slice(2),
]);
