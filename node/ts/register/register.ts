// node --import azure-token-cache/register: a cache for the credentials of a program that does not know of it.

import { warn } from "./cache.ts";
import { cacheClasses } from "./classes.ts";
import { watchLoads } from "./loads.ts";
import { receiverName } from "./source.ts";

const receiver = Symbol.for(receiverName);

// Where there are two copies of this package, the first one that is started does it.
if (process.env["AZURE_TOKEN_CACHE"]?.trim().toLowerCase() !== "off" && !(receiver in globalThis)) {
  Object.defineProperty(globalThis, receiver, { value: cacheClasses });
  await watchLoads().catch(warn);
}
