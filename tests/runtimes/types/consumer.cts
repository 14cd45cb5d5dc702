// A user's CommonJS program in TypeScript: the types of an ES module through require.
import tokenCache = require("azure-token-cache");

const credential = tokenCache.withTokenCache({ getToken: async () => null });
export const answer: Promise<tokenCache.AccessToken | null> = credential.getToken(
  "https://vault.azure.net/.default",
);
