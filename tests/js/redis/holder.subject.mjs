// A process that holds the lock of an entry, and saves when it is told to: says whether that counted.
import { createInterface } from "node:readline";
import { redisTokenStore } from "azure-token-cache/redis";
import { createClient } from "redis";
import { entry, key, patienceMs, tokenOf } from "./subject.ts";

const client = createClient({ url: process.argv[2] });
await client.connect();
const store = redisTokenStore(client, { key, patienceMs });
const lock = await store.tryLock(entry, 0);
const { generation } = await store.load(entry);
console.log(lock === undefined ? "taken" : "held");
for await (const _ of createInterface({ input: process.stdin }))
  console.log((await store.save(entry, tokenOf("of before"), generation, lock)) ? "saved" : "refused");
client.destroy();
