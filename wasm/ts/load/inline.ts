// The engine's bytes out of this very file: bundlers break reading a file beside it.
import { base64 } from "../generated/engine.inline.ts";
import { bytesOf } from "./base64.ts";

export const inlineEngine = (): BufferSource => bytesOf(base64);
