// A machine of a fleet as a process: asks for a token, and says which it got and how often it fetched.
import { withTokenCache } from "azure-token-cache";
import { redisTokenStore } from "azure-token-cache/redis";
import { createClient } from "redis";
import { fakeToken } from "../../leaks/search.mjs";
import { key, patienceMs } from "./subject.ts";

const client = createClient({ url: process.argv[2] });
await client.connect();
let fetches = 0;
const inner = {
  async getToken() {
    fetches += 1;
    // As long as a machine takes to start, so that all of them meet.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    return { token: fakeToken(`of ${process.pid}`), expiresOnTimestamp: Date.now() + 3_600_000 };
  },
};
const store = redisTokenStore(client, { key, patienceMs });
const credential = withTokenCache(inner, { store, partition: "tenant and client", identity: "fixed" });
const { token } = await credential.getToken("scope");
console.log(`${fetches} ${token}`);
// Else it might close the connection before its token is there for the others.
await credential.close();
await client.close();
