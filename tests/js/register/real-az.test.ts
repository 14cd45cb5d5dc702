// A program that knows nothing of a cache, the real az, and SDK-like calls: one start of az, and the account that is logged in.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { decodeJwt } from "jose";
import { RealAz } from "../../stand/az.ts";
import { drone, robot } from "../../stand/directory.ts";
import { type Entra, startEntra } from "../../stand/entra.ts";
import { packages, register, Stage } from "./stage.ts";

const limits = { timeout: 180_000 };

let entra: Entra;
let az: RealAz;
before(async () => {
  entra = await startEntra();
  az = await RealAz.create(entra);
});
after(async () => {
  await az[Symbol.asyncDispose]();
  await entra.close();
});

/** Prints the tokens of eight calls on two credentials, four at once. */
const program = (from: string) => `
  import { AzureCliCredential, DefaultAzureCredential } from "${from}";
  const credentials = [new AzureCliCredential(), new DefaultAzureCredential()];
  const tokens = [];
  const ask = async () => {
    const calls = [...credentials, ...credentials].map((credential) => credential.getToken("https://vault.azure.net/.default"));
    for (const call of calls) tokens.push((await call).token);
  };
  await ask();
  await ask();
  console.log(JSON.stringify(tokens));`;

for (const from of packages)
  test(`${from}: one start of az for each credential, two logins`, limits, async () => {
    using stage = new Stage();
    const env = { ...az.environment, AZURE_TOKEN_CREDENTIALS: "dev" };
    for (const principal of [robot, drone]) {
      await az.login(principal);
      await az.forgetStarts();
      const { printed } = await stage.run("app.mjs", program(from), { flags: register, env });
      const tokens = printed as string[];
      assert.equal(tokens.length, 8);
      for (const token of tokens) assert.equal(decodeJwt(token)["oid"], principal.objectId);
      assert.equal((await az.starts()).length, 2);
    }
    await az.forgetStarts();
    await stage.run("app.mjs", program(from), { flags: [], env });
    assert.equal((await az.starts()).length, 8);
  });
