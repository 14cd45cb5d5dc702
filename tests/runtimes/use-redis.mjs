// The store on Redis, without the package redis: it takes whatever client it is given, and says what is wrong with it.
import { redisTokenStore } from "azure-token-cache/redis";

const refuse = async () => {
  throw new Error("the socket was closed");
};
const client = { isOpen: true, isReady: true, eval: refuse, evalSha: refuse };
const store = redisTokenStore(client, { key: new Uint8Array(32) });
const error = await store.load(new Uint8Array()).catch((error) => error);
if (error.name !== "RedisStoreError" || error.code !== "REDIS_UNREACHABLE") throw error;
console.log("used");
