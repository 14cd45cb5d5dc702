// The package through require.
const root = require("azure-token-cache");
const core = require("azure-token-cache/core");
const testing = require("azure-token-cache/testing");
const { use } = require("./scenario.mjs");

use(root, testing, core).then(console.log);
