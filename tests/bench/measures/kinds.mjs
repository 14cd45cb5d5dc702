// What a hit costs for every credential of the support table, beside a plain hit and beside the class's own cached call.
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { Stage } from "../../js/support/stage.ts";
import { report, reported } from "../child.mjs";

const program = fileURLToPath(new URL("../programs/kinds.mjs", import.meta.url));

const stage = await Stage.create();
const measured = await measure();
await stage[Symbol.asyncDispose]();
report(measured);

/** In a process of its own: credentials read their environment, and Node reads the stand's authority at its start. */
async function measure() {
  // Each with an authorization code of its own.
  const [wrapped, again, bare] = [await stage.given(), await stage.given(), await stage.given()];
  const given = JSON.stringify({ wrapped, again, bare });
  const child = spawn(process.execPath, ["--import", "tsx", program, given], {
    env: stage.environment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const measured = reported(await text(child.stdout));
  if (measured === undefined) throw new Error("the credentials were not measured");
  return measured;
}
