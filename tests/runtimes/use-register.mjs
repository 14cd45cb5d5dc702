// A program that knows nothing of a cache, as an ES module.
import { AzureCliCredential } from "@azure/identity";
import { askTwice, putAzFirst } from "./az-beside.mjs";

const starts = putAzFirst();
console.log(await askTwice(new AzureCliCredential(), starts));
