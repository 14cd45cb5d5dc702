// Machines as processes of their own: one fetches for all, and what it fetched outlives it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { printedBy } from "../../stand/run.ts";
import { RedisServer } from "./redis-server.ts";

const subject = fileURLToPath(new URL("machine.subject.mjs", import.meta.url));

test("processes that ask at once, and one that comes later, have the token of a single fetch", async () => {
  await using server = await RedisServer.start();
  const run = async () => {
    const args = ["--import", "tsx", subject, server.url];
    const env = process.env as Record<string, string>;
    const printed = await printedBy(process.execPath, args, { env, timeout: 120_000, printsTokens: true });
    const [fetches, ...token] = printed.trim().split(" ");
    return { fetches: Number(fetches), token: token.join(" ") };
  };
  const said = [...(await Promise.all([run(), run(), run()])), await run()];
  assert.equal(
    said.reduce((sum, { fetches }) => sum + fetches, 0),
    1,
  );
  assert.equal(new Set(said.map(({ token }) => token)).size, 1);
});
