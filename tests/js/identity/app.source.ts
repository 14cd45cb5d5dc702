// A program of a user's: it is bundled and minified, told over standard input which credential to ask, and prints tokens.
import { createInterface } from "node:readline";
import type { TokenCredential } from "@azure/core-auth";
import { AzureCliCredential, ChainedTokenCredential, DefaultAzureCredential } from "@azure/identity";
import { withTokenCache } from "azure-token-cache";
import { cliIdentity, AzureCliCredential as OwnAzureCliCredential } from "azure-token-cache/node";

const scope = "https://vault.azure.net/.default";

/** A credential of the user's own that runs az. */
const inner = new AzureCliCredential();
const running: TokenCredential = { getToken: (scopes, options) => inner.getToken(scopes, options) };
const credentials = {
  identity: withTokenCache(new AzureCliCredential()),
  chain: withTokenCache(new ChainedTokenCredential(new AzureCliCredential())),
  default: withTokenCache(new DefaultAzureCredential()),
  own: withTokenCache(new OwnAzureCliCredential()),
  told: withTokenCache(running, { identity: cliIdentity() }),
};

// Not awaited at the top: CommonJS has no such thing.
void answer();

async function answer(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(await ask(line as keyof typeof credentials).catch(String));
  }
}

async function ask(credential: keyof typeof credentials): Promise<string> {
  const tokens = new Set<string>();
  for (let call = 0; call < 20; call++) {
    const token = await credentials[credential].getToken(scope);
    tokens.add(token?.token ?? "none");
  }
  return [...tokens].join();
}
