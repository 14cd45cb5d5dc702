// @azure/storage-blob against azurite over HTTPS, its tokens from @azure/identity over the stand-in.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { BlobServiceClient, RestError } from "@azure/storage-blob";
import { Azurite } from "../../stand/azurite.ts";
import { robot } from "../../stand/directory.ts";
import { type Entra, startEntra } from "../../stand/entra.ts";
import { identity } from "../../stand/identity.ts";
import { trustGlobally } from "../../stand/trust.ts";

let entra: Entra;
let azurite: Azurite;
let distrust: () => void;

before(async () => {
  entra = await startEntra();
  azurite = await Azurite.start();
  distrust = trustGlobally(azurite.ca);
});
after(async () => {
  distrust();
  await entra.close();
  await azurite[Symbol.asyncDispose]();
});

test("a blob written with a token of the stand-in is read back", async () => {
  const blob = client().getContainerClient("letters").getBlockBlobClient("a.txt");
  await client().createContainer("letters");
  await blob.upload("dear azurite", 12);
  assert.equal((await blob.downloadToBuffer()).toString(), "dear azurite");
  assert.ok((entra.requests().byResource["https://storage.azure.com"] ?? 0) > 0);
});

test("azurite refuses a token whose time has passed", async () => {
  entra.control.token.claims = { exp: Math.floor(Date.now() / 1000) - 60 };
  try {
    await assert.rejects(
      client().createContainer("late"),
      (error) => error instanceof RestError && [401, 403].includes(error.statusCode ?? 0),
    );
  } finally {
    entra.control.token.claims = {};
  }
});

test("azurite refuses a token for another resource", async () => {
  entra.control.token.claims = { aud: "https://management.azure.com" };
  try {
    await assert.rejects(
      client().createContainer("elsewhere"),
      (error) => error instanceof RestError && [401, 403].includes(error.statusCode ?? 0),
    );
  } finally {
    entra.control.token.claims = {};
  }
});

function client(): BlobServiceClient {
  const credential = new identity.ClientSecretCredential(robot.tenantId, robot.appId, robot.secret, {
    authorityHost: entra.url,
    disableInstanceDiscovery: true,
    tlsOptions: { ca: entra.ca },
  });
  return new BlobServiceClient(azurite.url, credential, {
    keepAliveOptions: { enable: false },
    retryOptions: { maxTries: 1 },
  });
}
