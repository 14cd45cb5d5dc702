// An ESM program that imports the package and wraps a credential once.
import { withTokenCache } from "azure-token-cache";

withTokenCache({ getToken: async () => null });
