// The format of a sealed entry, by the Web Crypto API: the same bytes as host's, where it is described byte by byte.
import type { EntryKey } from "./token-store.ts";

/** `AZTC`, version 1, cipher 1: AES-256-GCM. */
const header = Uint8Array.of(0x41, 0x5a, 0x54, 0x43, 1, 1);
const nonceLength = 12;

/** Read where it is used: Node loads it at the first reading, 3 ms that a native store has no need of. */
const subtle = () => globalThis.crypto.subtle;

/** What was sealed. */
export interface Opened {
  readonly key: EntryKey;
  readonly record: unknown;
}

/** What one key of 32 bytes gives: a cipher, and names that tell nothing. */
export class SealingKey {
  readonly #sealing: CryptoKey;
  readonly #naming: CryptoKey;

  private constructor(sealing: CryptoKey, naming: CryptoKey) {
    this.#sealing = sealing;
    this.#naming = naming;
  }

  static async from(bytes: Uint8Array): Promise<SealingKey> {
    const input = await subtle().importKey("raw", copyOf(bytes), "HKDF", false, ["deriveBits"]);
    const derived = (info: string) => {
      const about = utf8(`azure-token-cache/1 ${info}`);
      return subtle().deriveBits(
        { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: about },
        input,
        256,
      );
    };
    const hmac = { name: "HMAC", hash: "SHA-256" };
    return new SealingKey(
      await subtle().importKey("raw", await derived("sealing"), "AES-GCM", false, ["encrypt", "decrypt"]),
      await subtle().importKey("raw", await derived("naming"), hmac, false, ["sign"]),
    );
  }

  /** What an entry is called outside: 64 hexadecimal digits. */
  async name(key: EntryKey): Promise<string> {
    return hex(new Uint8Array(await subtle().sign("HMAC", this.#naming, copyOf(key))));
  }

  async seal(name: string, { key, record }: Opened): Promise<Uint8Array> {
    const nonce = globalThis.crypto.getRandomValues(new Uint8Array(nonceLength));
    const text = joined(lengthOf(key), key, utf8(JSON.stringify(record)));
    const parameters = { name: "AES-GCM", iv: nonce, additionalData: joined(header, utf8(name)) };
    return joined(header, nonce, new Uint8Array(await subtle().encrypt(parameters, this.#sealing, text)));
  }

  /** What the entry `name` with these bytes holds; `undefined` where they are not of this key, this name or this format. */
  async open(name: string, bytes: Uint8Array): Promise<Opened | undefined> {
    if (!header.every((byte, index) => bytes[index] === byte)) return undefined;
    const iv = copyOf(bytes.subarray(header.length, header.length + nonceLength));
    const sealed = copyOf(bytes.subarray(header.length + nonceLength));
    const parameters = { name: "AES-GCM", iv, additionalData: joined(header, utf8(name)) };
    try {
      return opened(new Uint8Array(await subtle().decrypt(parameters, this.#sealing, sealed)));
    } catch {
      return undefined;
    }
  }
}

function opened(text: Uint8Array): Opened | undefined {
  if (text.length < 4) return undefined;
  const end = 4 + new DataView(text.buffer, text.byteOffset).getUint32(0);
  if (end > text.length) return undefined;
  const record: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text.subarray(end)));
  return { key: text.slice(4, end), record };
}

function lengthOf(bytes: Uint8Array): Uint8Array {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return length;
}

function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Of bytes that may lie in memory that others share. */
function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
