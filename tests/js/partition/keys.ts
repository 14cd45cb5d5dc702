// Under which key a credential's token stands in a store, as a cache finds it: what a test compares, or breaks.
import { loadLoginWitness } from "../../../node/ts/login-watch/witness.ts";
import { nodePlatform } from "../../../node/ts/platform.ts";
import type { TokenCredential } from "../../../wasm/ts/credential.ts";
import { generalKind } from "../../../wasm/ts/platform.ts";
import { keysFor } from "../../../wasm/ts/shelf.ts";
import { whoseTokens } from "../../../wasm/ts/whose.ts";

/** What is asked of a credential. */
export interface Asked {
  readonly partition?: string;
  readonly scopes?: readonly string[];
  readonly tenantId?: string;
  readonly cae?: boolean;
}

/** Before keys are asked for that depend on a login. */
export const ready = loadLoginWitness;

/** @throws OptionError where a partition is demanded. */
export function keyOf(
  credential: object,
  { partition, scopes = ["s"], tenantId, cae = false }: Asked = {},
): Buffer {
  const given = credential as TokenCredential;
  const watch = nodePlatform.watch(given, undefined);
  watch?.examine();
  const whose = whoseTokens(given, { identity: undefined, partition }, watch, nodePlatform);
  const kind = nodePlatform.kindOf(given) ?? generalKind;
  const found = keysFor(kind.name, whose, watch).find(scopes, { tenantId, cae, claims: undefined });
  if (found === undefined) throw new Error("nobody can say whose it is");
  return Buffer.from(found.key);
}
