// From a request to its slot without a key string: maps within maps, of bounded size.
import type { Slot } from "./slot.ts";

/** The slots of one list of scopes, by tenant and CAE, and the lists that begin with it. */
export class ScopeNode {
  plain: Slot | undefined = undefined;
  cae: Slot | undefined = undefined;
  tenants: Map<string, TenantNode> | undefined = undefined;
  next: Map<string, ScopeNode> | undefined = undefined;
}

class TenantNode {
  plain: Slot | undefined = undefined;
  cae: Slot | undefined = undefined;
}

/** One credential's requests. It is a memory of the engine's answers: to forget all of it costs a few of them. */
export class RequestTree {
  /** The hot path reads it: one look-up by the scope's own string. */
  readonly roots = new Map<string, ScopeNode>();
  readonly #limit: number;
  #nodes = 0;

  /** A tree of at most about `limit` nodes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  find(scopes: string | readonly string[], tenantId: string | undefined, cae: boolean): Slot | undefined {
    const node = this.#nodeOf(scopes);
    if (node === undefined) return undefined;
    const place = tenantId === undefined ? node : node.tenants?.get(tenantId);
    return cae ? place?.cae : place?.plain;
  }

  put(scopes: readonly string[], tenantId: string | undefined, cae: boolean, slot: Slot): void {
    if (this.#nodes >= this.#limit) this.clear();
    let branches = this.roots;
    let node: ScopeNode | undefined;
    for (const scope of scopes) {
      if (node !== undefined) {
        node.next ??= new Map();
        branches = node.next;
      }
      node = branches.get(scope) ?? this.#grow(branches, scope, new ScopeNode());
    }
    if (node === undefined) return;
    let place: ScopeNode | TenantNode = node;
    if (tenantId !== undefined) {
      node.tenants ??= new Map();
      const { tenants } = node;
      place = tenants.get(tenantId) ?? this.#grow(tenants, tenantId, new TenantNode());
    }
    if (cae) place.cae = slot;
    else place.plain = slot;
  }

  clear(): void {
    this.roots.clear();
    this.#nodes = 0;
  }

  #nodeOf(scopes: string | readonly string[]): ScopeNode | undefined {
    if (typeof scopes === "string") return this.roots.get(scopes);
    // Callers without types pass anything; what is no list is refused where requests are read.
    if (!Array.isArray(scopes)) return undefined;
    let node = this.roots.get(scopes[0]);
    for (let i = 1; i < scopes.length && node !== undefined; i += 1)
      node = node.next?.get(scopes[i] as string);
    return node;
  }

  #grow<N>(branches: Map<string, N>, name: string, node: N): N {
    branches.set(name, node);
    this.#nodes += 1;
    return node;
  }
}
