// Makes sealed.json: the store's format by the Web Crypto API alone, for the Rust implementation to agree with.
import { writeFileSync } from "node:fs";

const { subtle } = globalThis.crypto;
const encode = (text) => new TextEncoder().encode(text);
const hex = (bytes) => Buffer.from(bytes).toString("hex");

const token = {
  generation: { entry: 3, store: 1 },
  content: {
    token: {
      secret: "CANARY-vector",
      token_type: "Bearer",
      expires_on: 4000000000,
      expires_on_text: "2096-10-02 09:06:40.000000",
      expires_at_ms: 4000000000000,
      refresh_at_ms: 3999999000000,
      acquired_at_ms: 1790000000000,
      acquired_at_boot: { boot: "4d6cbb3e-0000-4000-8000-000000000003", elapsed_ms: 86400000 },
      tenant: "6a2f2b9a-0000-4000-8000-000000000001",
      subscription: "6a2f2b9a-0000-4000-8000-000000000002",
      account: "ann@example.org",
      login_witness: "0102",
      session_witness: "0304",
      extra: { tokenKind: "é" },
    },
  },
};
const failure = {
  generation: { entry: 0, store: 0 },
  content: {
    failure: {
      failed_at_ms: 1790000000000,
      class: "NotLoggedIn",
      message: "az login",
      retry_after_ms: 30000,
      network: false,
      login_witness: "0102",
      session_witness: "0304",
      az: { exit_code: 1, stderr: "ERROR: Please run 'az login'" },
    },
  },
};
const tombstone = { generation: { entry: 1, store: 0 }, content: "tombstone" };

const rising = Uint8Array.from({ length: 32 }, (_, index) => index);
const falling = rising.map((byte) => 255 - byte);
const azKey = ["az", "ann@example.org", "/home/ann/.azure", "1000", "https://vault.azure.net", "", ""].map(
  encode,
);

const vectors = [
  await vector({ vaultKey: rising, parts: azKey, record: token, nonce: rising.slice(0, 12) }),
  await vector({
    vaultKey: rising,
    parts: azKey,
    record: failure,
    nonce: rising.slice(1, 13),
    suffix: ".failure",
  }),
  await vector({ vaultKey: falling, parts: azKey, record: token, nonce: falling.slice(0, 12) }),
  await vector({ vaultKey: falling, parts: [], record: tombstone, nonce: new Uint8Array(12) }),
  await vector({
    vaultKey: falling,
    parts: [Uint8Array.of(0xff, 0x00)],
    record: tombstone,
    nonce: new Uint8Array(12),
  }),
];
writeFileSync(new URL("sealed.json", import.meta.url), `${JSON.stringify(vectors, null, 2)}\n`);

async function vector({ vaultKey, parts, record, nonce, suffix = "" }) {
  const keys = await keysOf(vaultKey);
  const entryKey = joined(parts);
  const file = hex(await subtle.sign("HMAC", keys.naming, entryKey)) + suffix;
  const json = JSON.stringify(record);
  const bytes = await seal(keys.sealing, { nonce, file, entryKey, json });
  return {
    vault_key: hex(vaultKey),
    key_id: keys.id,
    parts: parts.map(hex),
    entry_key: hex(entryKey),
    file,
    nonce: hex(nonce),
    json,
    bytes: hex(bytes),
  };
}

async function keysOf(vaultKey) {
  const input = await subtle.importKey("raw", vaultKey, "HKDF", false, ["deriveBits"]);
  const derived = (info, bytes) =>
    subtle.deriveBits(
      { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encode(`azure-token-cache/1 ${info}`) },
      input,
      bytes * 8,
    );
  const hmac = { name: "HMAC", hash: "SHA-256" };
  return {
    sealing: await subtle.importKey("raw", await derived("sealing", 32), "AES-GCM", false, ["encrypt"]),
    naming: await subtle.importKey("raw", await derived("naming", 32), hmac, false, ["sign"]),
    id: hex(await derived("key id", 16)),
  };
}

async function seal(key, { nonce, file, entryKey, json }) {
  const header = Buffer.concat([encode("AZTC"), Uint8Array.of(1, 1)]);
  const text = Buffer.concat([length(entryKey), entryKey, encode(json)]);
  const additionalData = Buffer.concat([header, encode(file)]);
  const sealed = await subtle.encrypt({ name: "AES-GCM", iv: nonce, additionalData }, key, text);
  return Buffer.concat([header, nonce, new Uint8Array(sealed)]);
}

function joined(parts) {
  return Buffer.concat(parts.flatMap((part) => [length(part), part]));
}

function length(bytes) {
  const four = new Uint8Array(4);
  new DataView(four.buffer).setUint32(0, bytes.length);
  return four;
}
