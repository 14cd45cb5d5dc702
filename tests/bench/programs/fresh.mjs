// An ESM program that gets the token of the az user which other processes have left in the store.
import { withTokenCache } from "azure-token-cache";
import { AzureCliCredential, persistentStore } from "azure-token-cache/node";

const credential = withTokenCache(new AzureCliCredential(), { store: persistentStore() });
await credential.getToken("https://vault.azure.net/.default");
