// core's functions about az, from a wasm file of their own: for Node without the addon, and loaded only there.

import { base64 } from "./generated/az.inline.ts";
import { azArguments, azOutputBound, azToken, initSync, LoginWatch } from "./generated/az.js";
import { bytesOf } from "./load/base64.ts";

export interface AzFunctions {
  readonly azArguments: typeof azArguments;
  readonly azToken: typeof azToken;
  readonly azOutputBound: typeof azOutputBound;
  readonly LoginWatch: typeof LoginWatch;
}

/** The functions, once their wasm is instantiated. */
export function loadAz(): AzFunctions {
  initSync({ module: bytesOf(base64) });
  return { azArguments, azToken, azOutputBound, LoginWatch };
}
