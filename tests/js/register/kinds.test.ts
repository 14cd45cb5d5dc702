// A credential is what it was before its getToken was replaced, and so is what stands for it.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TokenCredential } from "@azure/core-auth";
import { type Recognised, recognise, subjectSymbol } from "../../../node/ts/kinds.ts";
import { cacheClasses } from "../../../node/ts/register/classes.ts";
import { copies, type Identity } from "../identity/copies.ts";

/** One of each class whose instances differ in what they honour or in whose login they use. */
function credentialsOf(identity: Identity): TokenCredential[] {
  return [
    new identity.AzureCliCredential({ processTimeoutInMs: 7_000 }),
    new identity.AzureDeveloperCliCredential(),
    new identity.AzurePowerShellCredential(),
    new identity.VisualStudioCodeCredential(),
    new identity.DefaultAzureCredential(),
    new identity.ChainedTokenCredential(new identity.AzureDeveloperCliCredential()),
    new identity.ClientSecretCredential("t", "c", "s"),
    new identity.ManagedIdentityCredential(),
    new identity.DeviceCodeCredential(),
    new identity.EnvironmentCredential(),
  ];
}

/** Without the credentials themselves, of which no two are one. */
function knownOf(credential: object): object | undefined {
  const bare = (known: Recognised | undefined): object | undefined =>
    known && { ...known, parts: known.parts?.map((part) => bare(part.known)) };
  return bare(recognise(credential));
}

for (const { name, identity } of copies)
  test(`${name}: recognised as before`, () => {
    const before = credentialsOf(identity).map(knownOf);
    assert.ok(before.every((known) => known !== undefined));
    cacheClasses(identity);
    assert.equal(identity.AzureDeveloperCliCredential.prototype.getToken.length, 2);
    assert.deepEqual(credentialsOf(identity).map(knownOf), before);
    const stands = credentialsOf(identity).map((credential) => ({ [subjectSymbol]: credential }));
    assert.deepEqual(stands.map(knownOf), before);
  });
