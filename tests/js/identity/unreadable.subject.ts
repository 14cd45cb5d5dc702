// Run as an ordinary user: what a watch says of az's files in AZURE_CONFIG_DIR that this user may not read.
import { mock } from "node:test";
import { type LoginNeeds, watchLogin } from "../../../node/ts/login-watch/login-watch.ts";
import { loadLoginWitness } from "../../../node/ts/login-watch/witness.ts";
import { later } from "./stand-in.ts";

const monotonic = process.hrtime;
let ahead = 0;
mock.method(process, "hrtime", () => later(monotonic(), ahead));

await loadLoginWitness();
const said: Record<string, unknown[]> = {};
for (const reliance of ["always", "perhaps", "unknown"] as const) {
  const needs: LoginNeeds = { tools: ["az"], reliance, folder: "/bin" };
  const watch = watchLogin(needs);
  const first = watch.examine();
  ahead += 5_000;
  const then = watch.examine();
  const message = typeof then === "object" && "error" in then ? then.error.message : undefined;
  said[reliance] = [typeof first === "object" ? Object.keys(first) : first, message ?? then];
}
console.log(JSON.stringify({ uid: process.geteuid?.(), said }));
