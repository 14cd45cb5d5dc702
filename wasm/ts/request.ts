// What a caller asked for, as the engine is told it.
import { Refusal } from "./codes.ts";
import type { GetTokenOptions } from "./credential.ts";
import { ClosedError, ScopesError } from "./errors.ts";
import type { Details } from "./slot.ts";
import { isExact } from "./store/entry-key.ts";

const plain: Details = { tenantId: undefined, cae: false, claims: undefined };
const plainCae: Details = { ...plain, cae: true };

/** The parts of a request beside its scopes. Reading them may throw. */
export function detailsOf(options: GetTokenOptions | undefined): Details {
  if (options == null) return plain;
  const tenantId = options.tenantId ?? undefined;
  const cae = options.enableCae === true;
  const claims = options.claims || undefined;
  if (tenantId === undefined && claims === undefined) return cae ? plainCae : plain;
  return { tenantId, cae, claims };
}

/** A copy of the scopes. @throws ScopesError where they are none. */
export function listOf(scopes: unknown): readonly string[] {
  const list: unknown[] = Array.isArray(scopes) ? [...scopes] : [scopes];
  if (list.length === 0 || !list.every((scope) => isExact(scope) && scope !== "")) throw new ScopesError();
  // Fetches are made from it, and listeners see it.
  return Object.freeze(list) as readonly string[];
}

/** Whether the engine can tell the parts from every other: half a surrogate pair has no form of its own in UTF-8. */
export function areExact({ tenantId, claims }: Details): boolean {
  return isExact(tenantId ?? "") && isExact(claims ?? "");
}

/** Of a request that the engine takes no entry for: `undefined` where it may go past the cache. */
export function refused(entry: number): undefined {
  if (entry === Refusal.Full) return undefined;
  throw entry === Refusal.EmptyScope ? new ScopesError() : new ClosedError();
}
