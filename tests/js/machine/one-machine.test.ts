// Processes of one machine over the persistent store and the real az: one of them fetches for all, in whichever language.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { PersistentStoreOptions } from "azure-token-cache/node";
import { decodeJwt } from "jose";
import { findLeaksIn } from "../../leaks/search.mjs";
import { RealAz } from "../../stand/az.ts";
import { alice, bruno, robot } from "../../stand/directory.ts";
import { type Entra, startEntra } from "../../stand/entra.ts";
import { refusals } from "../../stand/refusal.ts";
import { printedBy, type RunOptions, run } from "../../stand/run.ts";

const subject = fileURLToPath(new URL("one-token.subject.mjs", import.meta.url));
const program = fileURLToPath(new URL("../../../target/release/azure-token-cache", import.meta.url));
const limits = { timeout: 180_000 };

interface Answer {
  readonly oid?: string;
  readonly uti?: string;
  readonly error?: string;
  readonly message?: string;
  readonly events: readonly string[];
}

let entra: Entra;
let az: RealAz;
let scope: string;
let folder: string;
before(async () => {
  entra = await startEntra();
  az = await RealAz.create(entra);
  scope = `${entra.url}/arm/.default`;
  // In memory, as the runtime folder of a desktop is.
  folder = await mkdtemp("/dev/shm/atc-machine-");
});
after(async () => {
  await az[Symbol.asyncDispose]();
  await entra.close();
  await rm(folder, { recursive: true, force: true });
});
afterEach(async () => {
  entra.control.calm();
  await entra.restore();
  await az.reset();
  await rm(folder, { recursive: true, force: true });
});

/** Of processes with the store of this test. */
async function options(): Promise<RunOptions> {
  for (const name of ["state", "run"]) await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
  const env = {
    ...az.environment,
    XDG_STATE_HOME: join(folder, "state"),
    XDG_RUNTIME_DIR: join(folder, "run"),
    AZURE_TOKEN_CACHE_VAULT: "key-file",
  };
  return { env };
}

/** What a process prints that does what it should. */
async function output(command: string, args: readonly string[], printsTokens = false): Promise<string> {
  return printedBy(command, args, { ...(await options()), printsTokens });
}

async function token(kind = "ours", of = scope, store: PersistentStoreOptions = {}): Promise<Answer> {
  const printed = await output(process.execPath, [subject, of, kind, JSON.stringify(store)]);
  return JSON.parse(printed.trimEnd().split("\n").at(-1) as string) as Answer;
}

async function tokenByHand(): Promise<{ oid: unknown; uti: unknown; printed: Record<string, unknown> }> {
  const printed = JSON.parse(await output(program, ["get-token", "--scope", scope], true)) as Record<
    string,
    unknown
  >;
  const { oid, uti } = decodeJwt(String(printed["accessToken"]));
  return { oid, uti, printed };
}

/** What the store says that it keeps. */
async function status(): Promise<{ tokens: { account: string }[]; unopenable: number }> {
  return JSON.parse(await output(program, ["status", "--json"]));
}

for (const kind of ["ours", "@azure/identity's"]) {
  test(`${kind}: the second process has the first one's token, and starts no az`, limits, async () => {
    await az.login(alice);
    const first = await token(kind);
    assert.equal(first.oid, alice.objectId, first.message);
    const second = await token(kind);
    assert.equal(second.uti, first.uti);
    assert.equal((await az.starts()).length, 1);
  });

  test(`${kind}: processes that begin together start one az`, limits, async () => {
    await az.login(robot);
    const answers = await Promise.all(Array.from({ length: 8 }, () => token(kind)));
    assert.deepEqual(new Set(answers.map(({ oid }) => oid)), new Set([robot.objectId]));
    assert.equal(new Set(answers.map(({ uti }) => uti)).size, 1);
    assert.equal((await az.starts()).length, 1);
  });
}

test("a token that Node fetched answers the command line, as az would print it", limits, async () => {
  await az.login(alice);
  const fetched = await token();
  const found = await tokenByHand();
  assert.equal(found.uti, fetched.uti);
  assert.equal((await az.starts()).length, 1);
  const real = JSON.parse(await az.succeed("account", "get-access-token", "--scope", scope));
  assert.deepEqual(Object.keys(found.printed), Object.keys(real));
  assert.deepEqual({ ...found.printed, accessToken: "" }, { ...real, accessToken: "" });
});

test("a token that the command line fetched serves Node", limits, async () => {
  await az.login(alice);
  const fetched = await tokenByHand();
  assert.equal((await token()).uti, fetched.uti);
  assert.equal((await az.starts()).length, 1);
});

test(
  "after a login as another user no process gets the old account's token, and nothing mixes",
  limits,
  async () => {
    await az.login(alice);
    assert.equal((await token()).oid, alice.objectId);
    await az.login(bruno);
    const answers = await Promise.all([token(), token(), tokenByHand()]);
    assert.deepEqual(new Set(answers.map(({ oid }) => oid)), new Set([bruno.objectId]));
    await az.login(alice);
    assert.equal((await token()).oid, alice.objectId);
  },
);

test("after a logout nobody has a token, and the store keeps none", limits, async () => {
  await az.login(alice);
  await token();
  assert.deepEqual(
    (await status()).tokens.map(({ account }) => account),
    [alice.principalName],
  );
  await az.clearAccounts();
  const answer = await token();
  assert.equal(answer.error, "CredentialUnavailableError");
  assert.match(answer.message ?? "", /az login/);
  assert.deepEqual(await status(), { tokens: [], unopenable: 0 });
});

test("a failure answers all who waited for it", limits, async () => {
  await az.login(alice);
  const vault = "https://vault.azure.net";
  entra.control.refuse(refusals.resourceNotFound(vault, "Contoso"), { resource: vault });
  // Long enough for all of them to be waiting.
  entra.control.latencyMs = 3_000;
  const answers = await Promise.all(Array.from({ length: 6 }, () => token("ours", `${vault}/.default`)));
  for (const { error, message } of answers) {
    assert.equal(error, "CredentialUnavailableError");
    assert.match(message ?? "", /AADSTS500011/);
  }
  assert.equal((await az.starts()).length, 1);
});

test("a failure of the command line answers Node, under the name that chains read", limits, async () => {
  await az.login(alice);
  const vault = "https://vault.azure.net";
  entra.control.refuse(refusals.resourceNotFound(vault, "Contoso"), { resource: vault });
  entra.control.latencyMs = 5_000;
  const byHand = run(program, ["get-token", "--resource", vault], await options());
  while ((await az.starts()).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const { error, message } = await token("ours", `${vault}/.default`);
  assert.equal(error, "CredentialUnavailableError");
  assert.match(message ?? "", /AADSTS500011/);
  const { code, stdout, stderr } = await byHand.ended;
  assert.deepEqual({ code, stdout }, { code: 3, stdout: "" });
  assert.match(stderr, /AADSTS500011/);
  assert.equal((await az.starts()).length, 1);
});

test("no file and no name of the store holds a token, whatever went before", limits, async () => {
  const vault = "https://vault.azure.net";
  const command = ["account", "get-access-token", "--resource", vault];
  await az.login(alice);
  await token();
  await tokenByHand();
  const shim = join(folder, "az");
  await symlink(program, shim);
  assert.match(await output(shim, command, true), /"accessToken"/);
  assert.equal((await status()).tokens.length, 2);
  assert.deepEqual(findLeaksIn(folder), []);
  await az.login(bruno);
  entra.control.refuse(refusals.resourceNotFound(vault, "Contoso"), { resource: vault });
  assert.match((await token("ours", `${vault}/.default`)).message ?? "", /AADSTS500011/);
  assert.equal((await run(shim, command, await options()).ended).code, 1);
  await token();
  assert.deepEqual(findLeaksIn(folder), []);
  assert.equal(await output(shim, ["logout"]), "");
  assert.equal((await token()).error, "CredentialUnavailableError");
  assert.notEqual((await readdir(join(folder, "state"), { recursive: true })).length, 0);
  assert.deepEqual(findLeaksIn(folder), []);
});

test("the search for tokens finds those of a store that is not sealed", limits, async () => {
  await az.login(alice);
  await token("ours", scope, { vault: "keychain", unsafeAllowUnencryptedStorage: true });
  assert.notDeepEqual(findLeaksIn(join(folder, "state")), []);
});
