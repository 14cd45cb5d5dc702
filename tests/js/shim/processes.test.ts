// Many processes through the shim and the real az: one request for a token, one failure, and never another's token.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { decodeJwt } from "jose";
import { alice, drone, robot } from "../../stand/directory.ts";
import { assertExpiryFromAz } from "../../stand/expiry.ts";
import { type Running, run } from "../../stand/run.ts";
import { isAlive, limits, masked, owner, python, stage, waiting } from "./stage.ts";

const on = stage();
const vault = "https://vault.azure.net";
const command = ["account", "get-access-token", "--output", "json", "--resource", vault];

test("64 processes at once on an empty store: one az, one request for a token", limits, async (context) => {
  const { az, entra, shim } = on();
  await az.login(robot);
  entra.forgetRequests();
  const began = performance.now();
  const crowd = Array.from({ length: 64 }, () => shim.start(command));
  const ends: number[] = [];
  const answers = await Promise.all(
    crowd.map(async ({ ended }) => {
      const answer = await ended;
      ends.push(performance.now() - began);
      return answer;
    }),
  );
  context.diagnostic(
    `first answer after ${ends[0]?.toFixed(0)} ms, last after ${ends.at(-1)?.toFixed(0)} ms`,
  );
  assert.deepEqual(new Set(answers.map(({ code, stderr }) => `${code} ${stderr}`)), new Set(["0 "]));
  assert.equal(new Set(answers.map(({ stdout }) => stdout)).size, 1);
  assert.equal((await az.starts()).length, 1);
  assert.equal(entra.requests().byResource[vault], 1);
});

test("a failing az with 64 waiting: all have its words and its exit code", limits, async () => {
  const { az, entra, shim } = on();
  await az.login(alice);
  entra.control.revoke(alice);
  const hold = entra.control.hold({ resource: vault });
  const first = shim.start(command);
  await hold.arrived(1);
  const crowd = Array.from({ length: 64 }, () => shim.start(command));
  for (const { child } of crowd) await waiting(child);
  hold.release();
  const answers = await Promise.all([first, ...crowd].map(({ ended }) => ended));
  assert.deepEqual(
    new Set(answers.map((answer) => `${answer.code} ${masked(answer).stdout}`)),
    new Set(["1 "]),
  );
  for (const { stderr } of answers) assert.match(stderr, /AADSTS50173/);
  // One, or two more where this machine is so busy that somebody's patience ended.
  const starts = (await az.starts()).length;
  assert.ok(starts <= 3, `${starts} starts`);
  assert.ok(new Set(answers.map(({ stderr }) => stderr)).size <= starts);
});

test(
  "a shim that is killed while az runs: the next one goes on, and its az ends by itself",
  limits,
  async () => {
    const { az, entra, shim } = on();
    await az.login(robot);
    const hold = entra.control.hold({ resource: vault });
    const killed = shim.start(command);
    await hold.arrived(1);
    const [orphan] = await az.starts();
    const next = shim.start(command);
    await waiting(next.child);
    killed.child.kill("SIGKILL");
    assert.deepEqual(await killed.ended, { code: null, stdout: "", stderr: "" });
    await hold.arrived(2);
    // What it waits for never comes.
    while (isAlive(orphan?.pid)) await pause(20);
    const last = shim.start(command);
    await waiting(last.child);
    hold.release();
    const answers = [await next.ended, await last.ended];
    for (const answer of answers) assert.equal(owner(answer), robot.objectId);
    assert.equal(new Set(answers.map((answer) => masked(answer).stdout)).size, 1);
    assert.equal((await az.starts()).length, 2);
    const { tokens, unopenable } = JSON.parse((await shim.program("status", "--json")).stdout);
    assert.deepEqual([tokens.length, unopenable], [1, 0]);
    await az.succeed(...command);
  },
);

test(
  "az logs in another account while processes ask: none has the old one's token after it",
  limits,
  async () => {
    const { az, shim } = on();
    await az.login(robot);
    assert.equal(owner(await shim.az(...command)), robot.objectId);
    let over = false;
    const after: Running[] = [];
    const switching = az.login(drone).then(() => {
      over = true;
      after.push(...Array.from({ length: 8 }, () => shim.start(command)));
    });
    const during: string[] = [];
    while (!over) during.push(owner(await shim.az(...command)));
    await switching;
    for (const { ended } of after) assert.equal(owner(await ended), drone.objectId);
    assert.ok(during.every((id) => [robot.objectId, drone.objectId].includes(id)));
    await az.accountSet("Contoso Dev");
    assert.equal(owner(await shim.az(...command)), robot.objectId);
  },
);

test("az logout through the shim leaves nothing, and a new login is a new token", limits, async () => {
  const { az, shim } = on();
  await az.login(robot);
  const before = await shim.az(...command);
  assert.equal((await shim.az("logout")).code, 0);
  assert.deepEqual(JSON.parse((await shim.program("status", "--json")).stdout).tokens, []);
  assert.match((await shim.az(...command)).stderr, /az login/);
  await az.login(robot);
  const after = await shim.az(...command);
  assert.equal(owner(after), robot.objectId);
  assert.notDeepEqual(masked(after), masked(before));
});

test("logged out and in again without the shim: a new token", limits, async () => {
  const { az, shim } = on();
  await az.login(robot);
  const before = await shim.az(...command);
  await az.logout();
  await az.login(robot);
  const after = await shim.az(...command);
  assert.notDeepEqual(masked(after), masked(before));
  assert.equal(owner(after), robot.objectId);
});

test("an `account set` to the same subscription costs no run of az", limits, async () => {
  const { az, shim } = on();
  await az.login(robot);
  const before = await shim.az(...command);
  await az.accountSet("Contoso Dev");
  assert.deepEqual(masked(await shim.az(...command)), masked(before));
  assert.equal((await az.starts()).length, 1);
});

test(
  "azure-identity for Python gets its token through the shim, each process after the first without az",
  limits,
  async () => {
    const { az, entra, shim } = on();
    await az.login(alice);
    const script = [
      "import azure.identity as identity",
      "credential = identity.AzureCliCredential()",
      `token = credential.get_token("${vault}/.default")`,
      "print(token.token, token.expires_on)",
    ].join("\n");
    const ask = () => run(python, ["-c", script], { env: shim.environment, printsTokens: true }).ended;
    const answers = [await ask(), ...(await Promise.all([ask(), ask()]))];
    for (const { code, stdout, stderr } of answers) {
      assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
      assert.ok(stdout === answers[0]?.stdout);
    }
    const [token = "", expiresOn] = (answers[0]?.stdout ?? "").trim().split(" ");
    assert.equal(decodeJwt(token)["oid"], alice.objectId);
    assertExpiryFromAz(token, Number(expiresOn) * 1000, entra);
    assert.equal((await az.starts()).length, 1);
    assert.equal(entra.requests().byResource[vault], 1);
  },
);
