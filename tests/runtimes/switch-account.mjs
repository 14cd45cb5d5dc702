// @azure/identity's AzureCliCredential behind the cache, while the account that az is logged in to changes.
import { AzureCliCredential } from "@azure/identity";
import { withTokenCache } from "azure-token-cache";

const scope = "https://vault.azure.net/.default";
const credential = withTokenCache(new AzureCliCredential());

/** A line in, a line out: the test changes the account in between. */
process.stdin.setEncoding("utf8");
process.stdin.on("data", async () => {
  const { token } = await credential.getToken(scope);
  console.log(`${token}, ${credential.stats().fetches} fetched`);
});
