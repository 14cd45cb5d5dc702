// What an entry is called on the server: names that tell nothing, under one hash tag for each of 16 shards.
import { beginningsOf } from "../../../wasm/ts/store/entry-key.ts";
import type { SealingKey } from "../../../wasm/ts/store/sealed-format.ts";
import type { EntryKey } from "../../../wasm/ts/store/token-store.ts";

/** A cluster spreads them over its nodes. Few enough that forgetting can go to all of them. */
export const shards = [..."0123456789abcdef"];

/** An entry under one of the sealing keys. */
export interface Entry {
  readonly sealing: SealingKey;
  /** What its token is sealed to. */
  readonly name: string;
  readonly shard: string;
  /** The generations, the token, the failure; a lease is named after the token and its lane. */
  readonly keys: readonly [string, string, string];
  /** What its invalidations are called, the whole key last. */
  readonly beginnings: readonly string[];
}

export async function entryOf(prefix: string, sealing: SealingKey, key: EntryKey): Promise<Entry> {
  const [name, ...beginnings] = await Promise.all([
    sealing.name(key),
    ...beginningsOf(key).map((beginning) => beginningName(sealing, beginning)),
  ]);
  const shard = name.slice(0, 1);
  const token = `${prefix}:{${shard}}:${name}`;
  return {
    sealing,
    name,
    shard,
    keys: [generationsKey(prefix, shard), token, `${token}:failure`],
    beginnings,
  };
}

/** What the invalidation of a beginning is called. */
export async function beginningName(sealing: SealingKey, beginning: EntryKey): Promise<string> {
  return (await sealing.name(beginning)).slice(0, 32);
}

/** What all entries of a shard share. */
export function generationsKey(prefix: string, shard: string): string {
  return `${prefix}:{${shard}}:generations`;
}

/** The lease of an entry in one of its lanes. */
export function leaseKey({ keys }: Entry, lane: number): string {
  return `${keys[1]}:${lane}`;
}
