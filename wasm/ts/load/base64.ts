// Base64 to bytes, the quickest way that a runtime has: it is done at the start of every program.

interface Decoder {
  from(text: string, encoding: "base64"): Uint8Array<ArrayBuffer>;
}

/** The bytes of a base64 text. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  // Read from globalThis: some bundlers put a copy of Buffer wherever its bare name stands.
  const { Buffer } = globalThis as { Buffer?: Decoder };
  if (typeof Buffer?.from === "function") return Buffer.from(base64, "base64");
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}
