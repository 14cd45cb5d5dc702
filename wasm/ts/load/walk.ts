// The walk's bytes out of the bundle itself, as the engine's.
import { base64 } from "../generated/store.inline.ts";
import { bytesOf } from "./base64.ts";

export const walkModule = (): BufferSource | WebAssembly.Module => bytesOf(base64);
