// What az can do wrong, and the typed error that each of it becomes; with both runners.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { AzureCliCredential } from "azure-token-cache/node";
import {
  canary,
  document,
  expiresOn,
  print,
  printsToken,
  type Runner,
  runners,
  StandIn,
  usualScope,
} from "./stand-in.ts";

interface BadCase {
  readonly name: string;
  readonly script: string | Uint8Array;
  readonly mode?: number;
  readonly limitMs?: number;
  readonly code: string;
  readonly says: RegExp;
  readonly only?: Runner;
}

const bad: readonly BadCase[] = [
  {
    name: "prints two documents",
    script: `${printsToken}\n${printsToken}`,
    code: "Malformed",
    says: /more than one JSON document/,
  },
  {
    name: "prints text after its JSON",
    script: `${printsToken}; echo done`,
    code: "Malformed",
    says: /other text after/,
  },
  {
    name: "prints half a document",
    script: print(document().slice(0, 90)),
    code: "Malformed",
    says: /not JSON/,
  },
  { name: "prints an array", script: print(`[${document()}]`), code: "Malformed", says: /no object/ },
  {
    name: "prints invalid UTF-8",
    script: `printf '{"accessToken": "${canary}\\377"}'`,
    code: "Malformed",
    says: /not UTF-8/,
  },
  { name: "prints nothing", script: "true", code: "NoOutput", says: /printed no token/ },
  {
    name: "prints only a warning",
    script: "echo 'WARNING: az 2.10 is out of date.' >&2",
    code: "NoOutput",
    says: /out of date/,
  },
  {
    name: "prints 10 MB",
    script: `${printsToken}; head -c 10485760 /dev/zero | tr '\\0' ' '`,
    code: "OutputTooLarge",
    says: /more than 1048576 bytes/,
  },
  {
    name: "prints without end, on standard error",
    script: "yes >&2",
    code: "OutputTooLarge",
    says: /more than 1048576 bytes/,
  },
  {
    name: "prints no accessToken",
    script: print(document({ accessToken: undefined })),
    code: "Malformed",
    says: /no accessToken/,
  },
  {
    name: "prints an empty accessToken",
    script: print(document({ accessToken: "" })),
    code: "Malformed",
    says: /no accessToken/,
  },
  {
    name: "prints an accessToken that breaks headers",
    script: print(document({ accessToken: `${canary}\nX: y` })),
    code: "Malformed",
    says: /no header can carry/,
  },
  {
    name: "prints expires_on 0 and no other expiry",
    script: print(document({ expires_on: "0", expiresOn: undefined })),
    code: "NoExpiry",
    says: /no time of expiry/,
  },
  {
    name: "prints an expiresOn that is no time",
    script: print(document({ expires_on: undefined, expiresOn: "soon" })),
    code: "NoExpiry",
    says: /expiresOn: "soon"/,
  },
  {
    name: "prints a token that has expired",
    script: print(document({ expires_on: 1_500_000_000 })),
    code: "AlreadyExpired",
    says: /expired .* ago/,
  },
  {
    name: "prints a good token and fails",
    script: `${printsToken}; exit 1`,
    code: "Failed",
    says: /exited with code 1/,
  },
  {
    name: "is not logged in",
    script: `echo "ERROR: Please run 'az login' to setup account." >&2; exit 1`,
    code: "LoginRequired",
    says: /^Please run 'az login' from a command prompt to authenticate before using this credential\./,
  },
  {
    name: "is told by Entra ID to log in again",
    script: `echo "ERROR: AADSTS70043: The refresh token has expired. Interactive authentication is needed. Please run: az login" >&2; exit 1`,
    code: "LoginRequired",
    says: /az login[\s\S]*AADSTS70043: The refresh token has expired/,
  },
  {
    name: "is refused by Entra ID",
    script: `echo "ERROR: AADSTS500011: The resource principal named x was not found in the tenant." >&2; exit 1`,
    code: "Rejected",
    says: /AADSTS500011: The resource principal/,
  },
  { name: "is killed", script: "kill -9 $$", code: "Killed", says: /ended by signal 9/ },
  {
    name: "is killed after it printed a good token",
    script: `${printsToken}; kill -9 $$`,
    code: "Killed",
    says: /signal 9/,
  },
  { name: "hangs", script: "sleep 1000", limitMs: 100, code: "TimedOut", says: /within 100 ms/ },
  {
    name: "hangs after it printed a good token",
    script: `${printsToken}; sleep 1000`,
    limitMs: 300,
    code: "TimedOut",
    says: /within 300 ms/,
  },
  {
    name: "ignores signals and hangs",
    script: "trap '' TERM INT HUP; while :; do sleep 1000; done",
    limitMs: 100,
    code: "TimedOut",
    says: /within 100 ms/,
  },
  {
    name: "hangs in children that it forked",
    script: "sleep 1000 & sleep 1000 & (sleep 1000 & sleep 1000)",
    limitMs: 100,
    code: "TimedOut",
    says: /within 100 ms/,
  },
  {
    name: "fails and leaves children that hold its pipes",
    script: "sleep 1000 & (sleep 1000 &) ; echo broken >&2; exit 2",
    code: "Failed",
    says: /exited with code 2[\s\S]*broken/,
  },
  {
    name: "may not be executed",
    script: printsToken,
    mode: 0o644,
    code: "NotExecutable",
    says: /cannot be executed/,
  },
  {
    name: "has an interpreter that is not there",
    script: Buffer.from("#!/no/such/python3\n"),
    code: "NotExecutable",
    says: /cannot be executed/,
  },
  {
    name: "is no program",
    script: Buffer.from("\x7fELF, but not really"),
    code: "NotExecutable",
    says: /cannot be executed/,
    // libuv gives a file of no known format to sh, as execvp does, and sh finds no command in it.
    only: "addon",
  },
];

const good: readonly { readonly name: string; readonly script: string }[] = [
  { name: "prints a token", script: printsToken },
  { name: "prints a BOM first", script: `printf '\\357\\273\\277'; ${printsToken}` },
  {
    name: "warns and names az login",
    script: `echo "WARNING: To refresh run: az login" >&2; ${printsToken}`,
  },
  { name: "prints expires_on as text", script: print(document({ expires_on: String(expiresOn) })) },
  { name: "prints expires_on 0 and a good expiresOn", script: print(document({ expires_on: "0" })) },
  { name: "leaves children that hold its pipes", script: `sleep 1000 & ${printsToken}; (sleep 1000 &)` },
  { name: "prints slowly, in pieces", script: `printf '{'; sleep 0.1; ${print(document().slice(1))}` },
];

for (const runner of runners) {
  for (const { name, script, mode, limitMs, code, says, only } of bad) {
    if (only !== undefined && only !== runner) continue;
    test(`${runner}: az that ${name}: ${code}`, { timeout: 60_000 }, async () => {
      using stand = new StandIn(runner, script, mode);
      const credential = new AzureCliCredential(limitMs === undefined ? {} : { processTimeoutInMs: limitMs });
      const error = await failureOf(credential.getToken(usualScope));
      assert.equal(error.name, "CredentialUnavailableError");
      assert.equal((error as { code?: unknown }).code, code);
      assert.match(error.message, says);
      assertNoCanary(error);
      await stand.gone();
    });
  }

  for (const { name, script } of good) {
    test(`${runner}: az that ${name}: its token`, { timeout: 60_000 }, async () => {
      using stand = new StandIn(runner, script);
      process.env["TZ"] = "UTC";
      const token = await new AzureCliCredential().getToken(usualScope);
      assert.deepEqual(token, {
        token: canary,
        expiresOnTimestamp: expiresOn * 1000,
        tokenType: "Bearer",
      });
      await stand.gone();
    });
  }

  test(`${runner}: no az on PATH, or only at entries that are not absolute: NotInstalled`, async () => {
    using stand = new StandIn(runner);
    const back = process.cwd();
    process.chdir(stand.folder);
    try {
      for (const path of ["", ".", "::", "/no/such/folder", `/usr/../no:.:${stand.folder.slice(1)}`]) {
        process.env["PATH"] = path;
        const error = await failureOf(new AzureCliCredential().getToken(usualScope));
        assert.equal((error as { code?: unknown }).code, "NotInstalled", path);
        assert.match(
          error.message,
          /^Azure CLI could not be found\. Please visit https:\/\/aka\.ms\/azure-cli/,
        );
      }
      delete process.env["PATH"];
      const error = await failureOf(new AzureCliCredential().getToken(usualScope));
      assert.equal((error as { code?: unknown }).code, "NotInstalled");
    } finally {
      process.chdir(back);
    }
  });

  test(`${runner}: requests that az cannot take start no az`, async () => {
    using stand = new StandIn(runner, `: > started; ${printsToken}`);
    const ask = (scopes: string | string[], options?: object, settings?: object) =>
      failureOf(new AzureCliCredential(settings).getToken(scopes, options));
    const refused = [
      [await ask([]), "NoScope"],
      [await ask(""), "NoScope"],
      [await ask(undefined as unknown as string), "NoScope"],
      [await ask("https://a/.default; rm -rf /"), "InvalidScope"],
      [await ask("$(id)"), "InvalidScope"],
      [await ask("--debug"), "InvalidScope"],
      [await ask(usualScope, { tenantId: "x" }, { subscription: "s" }), "TenantWithSubscription"],
      [await ask(usualScope, { tenantId: "other" }, { tenantId: "own" }), "TenantNotAllowed"],
      [await ask(usualScope, { claims: '{"a":1}' }), "ClaimsUnsupported"],
    ] as const;
    for (const [error, code] of refused) {
      assert.equal(error.name, "CredentialUnavailableError");
      assert.equal((error as { code?: unknown }).code, code);
    }
    const invalid = await ask(usualScope, { tenantId: "a b" });
    assert.equal(invalid.name, "Error");
    assert.match(invalid.message, /^Invalid tenant id provided/);
    assert.equal(stand.has("started"), false);
  });
}

test("settings that are none are refused by the constructor", () => {
  assert.throws(() => new AzureCliCredential({ tenantId: "a b" }), /^Error: Invalid tenant id provided/);
  assert.throws(() => new AzureCliCredential({ tenantId: "-x" }), /^Error: Invalid tenant id provided/);
  assert.throws(() => new AzureCliCredential({ subscription: "a;b" }), /contains invalid characters/);
  for (const processTimeoutInMs of [Number.NaN, -1, "5" as unknown as number])
    assert.throws(() => new AzureCliCredential({ processTimeoutInMs }), RangeError);
});

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  const error = await promise.then(
    () => assert.fail("it answered"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error);
  return error;
}

function assertNoCanary(error: Error): void {
  const shown = inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true });
  const forms = [
    canary,
    Buffer.from(canary).toString("base64"),
    [...canary].join("\\x00"),
    [...canary].join("\0"),
  ];
  for (const form of forms) assert.ok(!shown.includes(form), "the token is in the error");
}
