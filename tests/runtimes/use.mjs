// The package through import.
import * as root from "azure-token-cache";
import * as core from "azure-token-cache/core";
import * as testing from "azure-token-cache/testing";
import { use } from "./scenario.mjs";

console.log(await use(root, testing, core));
