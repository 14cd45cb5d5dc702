// The part for Node, where there are files and processes.
import { AzureCliCredential } from "azure-token-cache/node";

if (typeof new AzureCliCredential().getToken !== "function") throw new Error("no credential");
console.log("used");
