// Any class with getToken can be wrapped: a hundred callers share one fetch, and each may give up for itself.
import { withTokenCache } from "azure-token-cache";

class TokenFromMyService {
  fetches = 0;

  async getToken() {
    this.fetches += 1;
    return { token: "an opaque text", expiresOnTimestamp: Date.now() + 3_600_000 };
  }
}

const inner = new TokenFromMyService();
const credential = withTokenCache(inner, { identity: "fixed" }); // nobody can log in as someone else here

const scope = "api://my-service/.default";
const calls = Array.from({ length: 100 }, () => credential.getToken(scope));
const impatient = credential.getToken(scope, { abortSignal: AbortSignal.abort() });

console.log(`${(await Promise.all(calls)).length} callers, ${inner.fetches} fetch`);
console.log(`one of them gave up: ${await impatient.catch((error) => error.name)}`);
await credential.close();
