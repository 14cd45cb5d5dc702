// An ESM program that imports the package, wraps a credential and asks it once.
import { withTokenCache } from "azure-token-cache";

const credential = withTokenCache({
  getToken: async () => ({ token: "t", expiresOnTimestamp: Date.now() + 3_600_000 }),
});
await credential.getToken("https://vault.azure.net/.default");
