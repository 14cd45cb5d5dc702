// The package through a bundler, in a format that may not await at its top level.
import * as root from "azure-token-cache";
import * as core from "azure-token-cache/core";
import * as testing from "azure-token-cache/testing";
import { use } from "./scenario.mjs";

use(root, testing, core).then(console.log);
