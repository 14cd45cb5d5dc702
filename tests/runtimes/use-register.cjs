// A program that knows nothing of a cache, as CommonJS.
const { AzureCliCredential } = require("@azure/identity");
const { askTwice, putAzFirst } = require("./az-beside.mjs");

const starts = putAzFirst();
askTwice(new AzureCliCredential(), starts).then(console.log);
