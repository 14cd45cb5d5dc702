// The package in a Worker.
import * as root from "azure-token-cache";
import * as core from "azure-token-cache/core";
import * as testing from "azure-token-cache/testing";
import { use } from "./scenario.mjs";

export default {
  async test() {
    console.log(await use(root, testing, core));
  },
};
