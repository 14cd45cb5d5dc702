// Reads what the script replied, checked: under the prefix may be anybody's data.
import type { Generation } from "../../../wasm/ts/store/token-store.ts";
import { RedisStoreError } from "./errors.ts";

/** What there is of an entry, sealed; `""`: nothing. */
export interface Found {
  readonly generation: Generation;
  readonly token: string;
  readonly failure: string;
  /** Somebody fetches it. */
  readonly busy: boolean;
}

/** Of a look, and of a lock. */
export function readFound(reply: unknown): Found {
  const [store, entry, token, failure, busy] = texts(reply);
  const generation = { store: Number(store), entry: Number(entry) };
  if (!Number.isSafeInteger(generation.store) || !Number.isSafeInteger(generation.entry)) throw foreign();
  return { generation, token: token ?? "", failure: failure ?? "", busy: busy === "1" };
}

/** Of a lock; `""` where another holds it. */
export function readFence(reply: unknown): string {
  return texts(reply)[5] ?? "";
}

/** Clients can be told to reply with bytes. */
function texts(reply: unknown): string[] {
  if (!Array.isArray(reply)) throw foreign();
  return reply.map((part: unknown) => {
    if (typeof part === "string") return part;
    if (Buffer.isBuffer(part)) return part.toString("latin1");
    throw foreign();
  });
}

function foreign(): RedisStoreError {
  return new RedisStoreError("FOREIGN_DATA");
}
