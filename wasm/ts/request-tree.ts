// From a request to its slot without a key string: maps within maps, of bounded size.
import type { Slot } from "./slot.ts";

/** Nodes by name. Most programs know one tenant, and one list that goes on after a scope: the first needs no map. */
class Branches<N> {
  readonly #first: string;
  readonly #node: N;
  #more: Map<string, N> | undefined;

  constructor(name: string, node: N) {
    this.#first = name;
    this.#node = node;
  }

  get(name: string): N | undefined {
    return name === this.#first ? this.#node : this.#more?.get(name);
  }

  set(name: string, node: N): void {
    this.#more ??= new Map();
    this.#more.set(name, node);
  }
}

/** The slots of one list of scopes, by tenant and CAE, and the lists that begin with it. */
export class ScopeNode {
  plain: Slot | undefined = undefined;
  cae: Slot | undefined = undefined;
  tenants: Branches<TenantNode> | undefined = undefined;
  next: Branches<ScopeNode> | undefined = undefined;
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
    if (tenantId === undefined) return cae ? node.cae : node.plain;
    const place = node.tenants?.get(tenantId);
    return cae ? place?.cae : place?.plain;
  }

  put(scopes: readonly string[], tenantId: string | undefined, cae: boolean, slot: Slot): void {
    if (this.#nodes >= this.#limit) this.clear();
    const node = this.#grownTo(scopes);
    if (node === undefined) return;
    const place = tenantId === undefined ? node : this.#tenantOf(node, tenantId);
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

  #grownTo(scopes: readonly string[]): ScopeNode | undefined {
    let node: ScopeNode | undefined;
    for (const scope of scopes) node = node === undefined ? this.#rootOf(scope) : this.#nextOf(node, scope);
    return node;
  }

  #rootOf(scope: string): ScopeNode {
    const known = this.roots.get(scope);
    if (known !== undefined) return known;
    const node = new ScopeNode();
    this.#nodes += 1;
    this.roots.set(scope, node);
    return node;
  }

  #nextOf(node: ScopeNode, scope: string): ScopeNode {
    const known = node.next?.get(scope);
    if (known !== undefined) return known;
    const next = new ScopeNode();
    this.#nodes += 1;
    if (node.next === undefined) node.next = new Branches(scope, next);
    else node.next.set(scope, next);
    return next;
  }

  #tenantOf(node: ScopeNode, tenantId: string): TenantNode {
    const known = node.tenants?.get(tenantId);
    if (known !== undefined) return known;
    const tenant = new TenantNode();
    this.#nodes += 1;
    if (node.tenants === undefined) node.tenants = new Branches(tenantId, tenant);
    else node.tenants.set(tenantId, tenant);
    return tenant;
  }
}
