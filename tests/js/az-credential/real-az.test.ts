// Our AzureCliCredential with the real az, logged in against the stand-in for Entra ID.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { AzureCliCredential } from "azure-token-cache/node";
import { decodeJwt } from "jose";
import { RealAz } from "../../stand/az.ts";
import { alice, bruno } from "../../stand/directory.ts";
import { type Entra, startEntra } from "../../stand/entra.ts";
import { assertExpiryFromAz } from "../../stand/expiry.ts";
import { eventually, runners } from "./stand-in.ts";

const arm = "https://management.azure.com/.default";
const limits = { timeout: 120_000 };

let entra: Entra;
let az: RealAz;
let leave: () => void;
before(async () => {
  entra = await startEntra();
  az = await RealAz.create(entra);
});
after(async () => {
  await az[Symbol.asyncDispose]();
  await entra.close();
});
beforeEach(async () => {
  await az.login(alice);
  await az.forgetStarts();
  entra.forgetRequests();
  leave = az.enter();
});
afterEach(async () => {
  leave();
  delete process.env["ATC_ADDON"];
  await az.clearAccounts();
});

for (const runner of runners) {
  const choose = () => {
    process.env["ATC_ADDON"] = runner === "addon" ? "on" : "off";
  };

  test(`${runner}: the token of who is logged in, one az a call`, limits, async () => {
    choose();
    const credential = new AzureCliCredential();
    const token = await credential.getToken(arm);
    assert.equal(decodeJwt(token.token)["oid"], alice.objectId);
    assertExpiryFromAz(token.token, token.expiresOnTimestamp, entra);
    await az.login(bruno);
    assert.equal(decodeJwt((await credential.getToken(arm)).token)["oid"], bruno.objectId);
    const starts = await az.starts();
    assert.deepEqual(
      starts.map(({ args }) => args.join(" ")),
      Array(2).fill("account get-access-token --output json --resource https://management.azure.com"),
    );
  });

  test(`${runner}: eight calls at once, two az at once`, limits, async () => {
    choose();
    const credential = new AzureCliCredential();
    const scopes = Array.from({ length: 8 }, (_, index) => `https://resource-${index}.example/.default`);
    const tokens = await Promise.all(scopes.map((scope) => credential.getToken(scope)));
    assert.equal(new Set(tokens.map(({ token }) => token)).size, 8);
    const starts = await az.starts();
    // One that read az's token cache while the other wrote it is asked again.
    assert.equal(new Set(starts.map(({ args }) => args.join(" "))).size, 8);
    assert.ok(starts.every(({ running }) => running <= 2));
  });

  test(`${runner}: nobody logged in`, limits, async () => {
    choose();
    await az.clearAccounts();
    await assert.rejects(new AzureCliCredential().getToken(arm), {
      name: "CredentialUnavailableError",
      code: "LoginRequired",
      message: /^Please run 'az login' from a command prompt/,
    });
  });

  test(`${runner}: Entra ID's own words come through`, limits, async () => {
    choose();
    const trouble = entra.control.refuse(
      {
        status: 400,
        error: "invalid_resource",
        aadsts: 500011,
        message: "The resource principal named x was not found.",
      },
      { path: "/token", resource: "https://nowhere.example" },
    );
    try {
      await assert.rejects(new AzureCliCredential().getToken("https://nowhere.example/.default"), {
        name: "CredentialUnavailableError",
        message: /AADSTS500011: The resource principal named x was not found\./,
      });
    } finally {
      trouble.stop();
    }
  });

  test(
    `${runner}: an az that hangs on Entra ID ends at its limit and leaves its files whole`,
    limits,
    async () => {
      choose();
      const hold = entra.control.hold({ resource: "https://slow.example" });
      const scope = "https://slow.example/.default";
      const call = new AzureCliCredential({ processTimeoutInMs: 5000 }).getToken(scope);
      await assert.rejects(call, { code: "TimedOut" });
      hold.release();
      assert.ok((await new AzureCliCredential().getToken(scope)).token);
    },
  );

  test(`${runner}: an abort leaves az to fetch, and the next az has the token`, limits, async () => {
    choose();
    const scope = "https://left.example/.default";
    const hold = entra.control.hold({ resource: "https://left.example" });
    const controller = new AbortController();
    const call = new AzureCliCredential().getToken(scope, { abortSignal: controller.signal });
    await hold.arrived(1);
    controller.abort();
    await assert.rejects(call, { name: "AbortError" });
    hold.release();
    await eventually(() => savedTokens().includes("https://left.example"));
    const token = await new AzureCliCredential().getToken(scope);
    assert.ok(savedTokens().includes(token.token));
    assert.equal(entra.requests().byResource["https://left.example"], 1);
  });
}

/** az's token cache once it is whole: az writes it under its lock. */
function savedTokens(): string {
  const path = join(az.configFolder, "msal_token_cache.json");
  return existsSync(`${path}.lockfile`) ? "" : readFileSync(path, "utf8");
}
