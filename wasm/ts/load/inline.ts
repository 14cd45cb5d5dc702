// The engine's bytes out of this very file: bundlers break reading a file beside it.
import { base64 } from "../generated/engine.inline.ts";

export const inlineEngine = (): BufferSource => Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0));
