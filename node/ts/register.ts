// node --import azure-token-cache/register: a cache for the credentials of a program that does not know of it.

import { warn } from "./register-cache.ts";
import { cacheClasses } from "./register-classes.ts";
import { watchLoads } from "./register-loads.ts";
import { receiverName } from "./register-source.ts";

const receiver = Symbol.for(receiverName);

// Where there are two copies of this package, the first one that is started does it.
if (process.env["AZURE_TOKEN_CACHE"]?.toLowerCase() !== "off" && !(receiver in globalThis)) {
  Object.defineProperty(globalThis, receiver, { value: cacheClasses });
  await watchLoads().catch(warn);
}
