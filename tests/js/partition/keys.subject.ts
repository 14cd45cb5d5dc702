// Run as a process of its own: the keys of all configurations, for the test to compare with its own.
import * as identity from "@azure/identity";
import { configurations, withFolder } from "./configurations.ts";
import { keyOf, ready } from "./keys.ts";

await ready();
withFolder((folder) => {
  const keys = configurations(folder).map((one) => keyOf(one.make(identity), one.asked).toString("base64"));
  console.log(JSON.stringify(keys));
});
