// All tokens of a store in memory as one sealed piece of bytes, for those who keep it themselves.
import { bytesOf } from "../load/base64.ts";
import { MemoryTokenStore } from "./memory-token-store.ts";
import { recordOfToken, tokenOf } from "./record.ts";
import { SealingKey } from "./sealed-format.ts";
import type { EntryKey } from "./token-store.ts";

/** The name that such bytes are sealed under: no entry of a store has it. */
const name = "serialized";
const noEntry: EntryKey = new Uint8Array();

/** The unexpired tokens of a store, sealed. */
export async function serializeStore(
  store: MemoryTokenStore,
  key: Uint8Array,
  now: number,
): Promise<Uint8Array> {
  const valid = store.held.filter(([, token]) => token.expiresAt > now);
  const record = valid.map(([entry, token]) => ({
    key: base64Of(entry),
    record: recordOfToken(token, { store: 0, entry: 1 }),
  }));
  store.hasChanged = false;
  return (await SealingKey.from(key)).seal(name, { key: noEntry, record });
}

/** A bounded store with the tokens of such bytes; `undefined` where the key does not open them. */
export async function deserializeStore(
  bytes: Uint8Array,
  key: Uint8Array,
  maxEntries: number,
): Promise<MemoryTokenStore | undefined> {
  const opened = await (await SealingKey.from(key)).open(name, bytes);
  if (opened === undefined || !Array.isArray(opened.record)) return undefined;
  const store = new MemoryTokenStore(maxEntries);
  for (const entry of opened.record) {
    const token = tokenOf((entry as { record?: unknown })?.record);
    if (token !== undefined) await store.save(keyOf(entry), token, undefined);
  }
  store.hasChanged = false;
  return store;
}

function base64Of(entry: EntryKey): string {
  return btoa(Array.from(entry, (byte) => String.fromCharCode(byte)).join(""));
}

function keyOf(entry: { key?: unknown }): EntryKey {
  return bytesOf(String(entry.key));
}
