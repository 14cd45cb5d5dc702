// A fetch of az: when it may start, whether its result counts, and whose token it brought.
import assert from "node:assert/strict";
import { statSync, utimesSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { azNeeds, otherTenant, profileOf, type Stand, tenant, testEach, tokenOf } from "./stand-in.ts";

/** A folder that has been quiet for long enough. */
async function quietWatch(stand: Stand) {
  stand.write(profileOf("ann"));
  return stand.settledWatch();
}

testEach("in a quiet folder the run begins within the call, and is steady", async (stand) => {
  const watch = await quietWatch(stand);
  let started = false;
  const run = watch.run(async () => {
    started = true;
    return "token";
  });
  assert.ok(started);
  assert.deepEqual(await run, { value: "token", stability: "steady", session: 1 });
});

testEach("an error comes back as it was thrown", async (stand) => {
  const watch = await quietWatch(stand);
  for (const thrown of [new Error("no"), undefined]) {
    const run = await watch.run(() => Promise.reject(thrown));
    assert.deepEqual(run, { error: thrown, stability: "steady", session: 1 });
    assert.equal(run.error, thrown);
  }
});

testEach("az does not start before its files have rested", async (stand) => {
  stand.write(profileOf("ann"));
  const watch = await stand.watch();
  stand.write(profileOf("ann"));
  const startedAfter = await watch.run(async () => Date.now() - statSync(stand.path()).ctimeMs);
  assert.ok((startedAfter.value ?? 0) >= 250, `${startedAfter.value} ms`);
});

testEach("az does not start on a torn profile, and fails when it stays torn", async (stand) => {
  const watch = await quietWatch(stand);
  stand.write(profileOf("ann").slice(0, 40));
  let starts = 0;
  const run = watch.run(async () => starts++);
  await turn();
  stand.pass(5_000);
  await assert.rejects(run, { name: "CredentialUnavailableError", code: "LoginUnreadable" });
  assert.equal(starts, 0);
});

testEach("az starts on a torn profile that becomes whole", async (stand) => {
  const watch = await quietWatch(stand);
  stand.write(profileOf("ann").slice(0, 40));
  const run = watch.run(async () => "token");
  await turn();
  stand.write(profileOf("ann"));
  assert.equal((await run).value, "token");
});

testEach("az does not start among rewrites that never end", async (stand) => {
  const watch = await quietWatch(stand);
  const rewrite = () => {
    stand.pass(200);
    stand.write(profileOf("ann"));
    utimesSync(stand.path(), Date.now() / 1_000, Date.now() / 1_000);
  };
  rewrite();
  const writer = setInterval(rewrite, 5);
  const run = watch.run(async () => "token");
  try {
    await assert.rejects(run, { name: "CredentialUnavailableError", code: "LoginRestless" });
  } finally {
    clearInterval(writer);
  }
});

testEach("another account while az runs: moved, and the next call learns of it", async (stand) => {
  const watch = await quietWatch(stand);
  const run = await watch.run(async () => stand.write(profileOf("ben")));
  assert.equal(run.stability, "moved");
  assert.equal(stand.call(watch), "changed");
});

testEach("another account that came and went while az ran is no steady run", async (stand) => {
  const watch = await quietWatch(stand);
  const run = await watch.run(async () => {
    stand.write(profileOf("ben"));
    stand.write(profileOf("ann"));
  });
  assert.equal(run.stability, "movedSameAccount");
});

testEach("one that was seen to come and go is another", async (stand) => {
  const watch = await quietWatch(stand);
  const run = await watch.run(async () => {
    stand.write(profileOf("ben"));
    assert.equal(stand.call(watch), "changed");
    stand.write(profileOf("ann"));
    assert.equal(stand.call(watch), "changed");
  });
  assert.equal(run.stability, "moved");
});

testEach("a rewrite without a change while az runs", async (stand) => {
  const watch = await quietWatch(stand);
  const run = await watch.run(async () => stand.write(profileOf("ann")));
  assert.equal(run.stability, "movedSameAccount");
  assert.equal(stand.call(watch), "same");
});

testEach("another environment while az runs", async (stand) => {
  const watch = await quietWatch(stand);
  const run = await watch.run(async () => {
    process.env["AZURE_CLOUD_NAME"] = "AzureChinaCloud";
  });
  assert.equal(run.stability, "moved");
});

testEach("what az writes to its own token cache is its own", async (stand) => {
  const watch = await quietWatch(stand);
  const run = await watch.run(async () => stand.write("{}", "msal_token_cache.json"));
  assert.equal(run.stability, "steady");
  stand.write(profileOf("ann"));
  assert.equal(stand.call(watch), "same");
});

testEach("what a failed run left there is not", async (stand) => {
  const watch = await quietWatch(stand);
  await watch.run(async () => {
    stand.write("{}", "msal_token_cache.json");
    throw new Error("logged out meanwhile");
  });
  stand.write(profileOf("ann"));
  assert.equal(typeof stand.call(watch), "object");
});

testEach("a torn profile after the run is waited for", async (stand) => {
  const watch = await quietWatch(stand);
  let ended = false;
  const run = watch
    .run(async () => stand.write(profileOf("ann").slice(0, 50)))
    .finally(() => {
      ended = true;
    });
  for (let look = 0; look < 5; look++) await turn();
  assert.ok(!ended);
  stand.write(profileOf("ann"));
  assert.equal((await run).stability, "movedSameAccount");
});

testEach("tokens of another tenant, client or person", async (stand) => {
  const watch = await quietWatch(stand);
  assert.equal(watch.admit("opaque"), "ok");
  assert.equal(watch.admit(tokenOf({ tid: tenant, oid: "ann" })), "ok");
  assert.equal(watch.admit(tokenOf({ tid: otherTenant, oid: "ann" })), "contradiction");
  assert.equal(watch.admit(tokenOf({ tid: otherTenant, oid: "guest" }), otherTenant), "ok");
  assert.equal(watch.admit(tokenOf({ tid: tenant, oid: "ann" }), "example.com"), "ok");
  assert.equal(stand.call(watch), "same");
  assert.equal(watch.admit(tokenOf({ tid: tenant, oid: "ben" })), "otherUser");
  assert.equal(stand.call(watch), "changed");
  assert.equal(watch.admit(tokenOf({ tid: tenant, oid: "ben" })), "ok");
});

testEach("a credential's own tenant is the one that is asked", async (stand) => {
  stand.write(profileOf("ann"));
  const watch = await stand.watch({ ...azNeeds, tenantId: otherTenant });
  assert.equal(watch.admit(tokenOf({ tid: otherTenant, oid: "ann" })), "ok");
  assert.equal(watch.admit(tokenOf({ tid: tenant, oid: "ann" })), "contradiction");
});

testEach("a credential's subscription chooses the account", async (stand) => {
  const profile = JSON.parse(profileOf("ann").slice(1));
  const [one] = profile.subscriptions;
  const second = (user: string) => ({
    ...one,
    id: "44444444-4444-4444-4444-444444444444",
    name: "Two",
    isDefault: false,
    user: { name: user, type: "user" },
  });
  const write = (user: string) =>
    stand.write(JSON.stringify({ ...profile, subscriptions: [one, second(user)] }));
  write("ben@example.com");
  const [first, named] = [await stand.watch(), await stand.watch({ ...azNeeds, subscription: "two" })];
  write("cat@example.com");
  assert.equal(stand.call(first), "same");
  assert.equal(stand.call(named), "changed");
});

testEach("a chain is not stopped by files that no tool could read", async (stand) => {
  stand.write(profileOf("ann"));
  const watch = await stand.settledWatch({
    tools: ["az", "azd", "powershell"],
    reliance: "perhaps",
    folder: "/bin",
  });
  assert.equal(watch.admit(tokenOf({ tid: otherTenant, oid: "machine" })), "ok");
  stand.write(profileOf("ben"));
  assert.equal(stand.call(watch), "changed");
});

testEach(
  "a credential that nobody knows is looked after once a second, and stopped by nothing",
  async (stand) => {
    stand.write(profileOf("ann"));
    const watch = await stand.watch({ tools: ["az"], reliance: "unknown", folder: "/bin" });
    assert.equal(watch.everyMs, 1_000);
    stand.write(profileOf("ben"));
    assert.equal(stand.call(watch), "same");
    stand.pass(1_000);
    assert.equal(stand.call(watch), "changed");
    stand.write("torn");
    stand.pass(1_000);
    assert.equal(stand.call(watch), "changed");
    stand.pass(1_000);
    assert.equal(stand.call(watch), "same");
  },
);
