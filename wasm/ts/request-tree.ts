// From a request to its slot without a key string: maps within maps, of bounded size.
import type { Slot } from "./slot.ts";

/** The slots of one list of scopes, or of that list for one tenant, and what lies beyond it. A slot is the place of itself. */
export interface Place {
  readonly plain: Slot | undefined;
  readonly cae: Slot | undefined;
  readonly tenants: Places | undefined;
  /** By the scope with which the list goes on. */
  readonly next: Places | undefined;
}

interface Places {
  get(name: string): Place | undefined;
  set(name: string, place: Place): void;
}

/** Places by name. Most programs know one tenant, and one list that goes on after a scope: the first needs no map. */
class Branches implements Places {
  #first: string | undefined;
  #place: Place | undefined;
  #more: Map<string, Place> | undefined;

  get(name: string): Place | undefined {
    return name === this.#first ? this.#place : this.#more?.get(name);
  }

  set(name: string, place: Place): void {
    this.#first ??= name;
    if (name === this.#first) this.#place = place;
    else {
      this.#more ??= new Map();
      this.#more.set(name, place);
    }
  }
}

/** A place where more than the plain request was made, or something beyond it. */
class Fork implements Place {
  plain: Slot | undefined;
  cae: Slot | undefined = undefined;
  tenants: Branches | undefined = undefined;
  next: Branches | undefined = undefined;

  constructor(plain: Slot | undefined) {
    this.plain = plain;
  }
}

/** One credential's requests. It is a memory of the engine's answers: to forget all of it costs a few of them. */
export class RequestTree {
  /** The hot path reads it: one look-up by the scope's own string. */
  readonly roots = new Map<string, Place>();
  readonly #limit: number;
  #places = 0;

  /** A tree of at most about `limit` places. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  find(scopes: string | readonly string[], tenantId: string | undefined, cae: boolean): Slot | undefined {
    let place = this.#placeOf(scopes);
    if (tenantId !== undefined) place = place?.tenants?.get(tenantId);
    return cae ? place?.cae : place?.plain;
  }

  put(scopes: readonly string[], tenantId: string | undefined, cae: boolean, slot: Slot): void {
    const [first, ...further] = scopes;
    if (first === undefined) return;
    if (this.#places >= this.#limit) this.clear();
    let places: Places = this.roots;
    let name = first;
    for (const scope of further) {
      const fork = this.#forkAt(places, name);
      fork.next ??= new Branches();
      places = fork.next;
      name = scope;
    }
    if (tenantId !== undefined) {
      const fork = this.#forkAt(places, name);
      fork.tenants ??= new Branches();
      places = fork.tenants;
      name = tenantId;
    }
    if (cae) this.#forkAt(places, name).cae = slot;
    else this.#putPlain(places, name, slot);
  }

  clear(): void {
    this.roots.clear();
    this.#places = 0;
  }

  #placeOf(scopes: string | readonly string[]): Place | undefined {
    if (typeof scopes === "string") return this.roots.get(scopes);
    // Callers without types pass anything; what is no list is refused where requests are read.
    if (!Array.isArray(scopes)) return undefined;
    let place = this.roots.get(scopes[0]);
    for (let i = 1; i < scopes.length && place !== undefined; i += 1)
      place = place.next?.get(scopes[i] as string);
    return place;
  }

  #putPlain(places: Places, name: string, slot: Slot): void {
    const known = places.get(name);
    if (known instanceof Fork) known.plain = slot;
    else {
      places.set(name, slot);
      if (known === undefined) this.#places += 1;
    }
  }

  /** The fork at a name, grown out of the slot that stood there. */
  #forkAt(places: Places, name: string): Fork {
    const known = places.get(name);
    if (known instanceof Fork) return known;
    const fork = new Fork(known?.plain);
    places.set(name, fork);
    if (known === undefined) this.#places += 1;
    return fork;
  }
}
