// What a test turns while the stand runs: latency, faults, held requests, token times, who is at the keyboard.
import type { User } from "./directory.ts";
import type { Fate } from "./http.ts";
import type { Grant } from "./ledger.ts";
import { type Refusal, refusalReply } from "./refusal.ts";

/** What happens to a request instead of its answer. */
export type Fault =
  | { readonly kind: "refuse"; readonly refusal: Refusal }
  | { readonly kind: "reply"; readonly status: number; readonly body: string }
  /** The connection is cut without a byte. */
  | { readonly kind: "reset" }
  /** No answer ever. */
  | { readonly kind: "silence" };

/** Which requests; every part given must match. No part: all of them. */
export interface Where {
  readonly path?: string;
  readonly grant?: Grant;
  readonly resource?: string;
  readonly clientId?: string;
}

/** A request as far as it can be told before it is answered. */
export interface Subject {
  readonly path: string;
  readonly grant: Grant | undefined;
  readonly resource: string | undefined;
  readonly clientId: string | undefined;
}

export interface Trouble {
  hits(): number;
  stop(): void;
}

export interface Hold {
  /** Settles when this many requests have come in and wait. */
  arrived(count: number): Promise<void>;
  /** Lets those that wait go on, and holds no more. */
  release(): void;
}

export interface TokenPolicy {
  lifetimeSeconds: number;
  /** Sent as `refresh_in`; undefined: not sent, as Entra does for lifetimes under two hours. */
  refreshInSeconds: number | undefined;
  /** Put into every access token, over the usual claims. */
  claims: Record<string, unknown>;
}

export class Control {
  latencyMs = 0;
  token: TokenPolicy = { lifetimeSeconds: 3600, refreshInSeconds: undefined, claims: {} };
  /** Completes device codes and browser sign-ins at once; undefined: they stay pending. */
  signedIn: User | undefined;
  /** A claims challenge that the stand's resource server demands of every token. */
  challenge: string | undefined;
  #troubles = new Set<{ fault: Fault; where: Where; left: number; hits: number }>();
  #holds = new Set<Gate>();
  #steps = new Set<Step>();
  #revokedAtUnixMs = new Map<string, number>();

  /** From now on, or for the next `times` requests, these fail. The latest that matches wins. */
  fail(fault: Fault, where: Where = {}, times = Number.POSITIVE_INFINITY): Trouble {
    const trouble = { fault, where, left: times, hits: 0 };
    this.#troubles.add(trouble);
    return { hits: () => trouble.hits, stop: () => void this.#troubles.delete(trouble) };
  }

  refuse(refusal: Refusal, where: Where = {}, times = Number.POSITIVE_INFINITY): Trouble {
    return this.fail({ kind: "refuse", refusal }, where, times);
  }

  hold(where: Where = {}): Hold {
    const gate = new Gate(where);
    this.#holds.add(gate);
    return {
      arrived: (count) => gate.arrived(count),
      release: () => {
        this.#holds.delete(gate);
        gate.open();
      },
    };
  }

  /**
   * Requests go on `count` at a time, each when as many wait as that: what callers at once cost is then the same number on every
   * machine. Undone by the answer.
   */
  inStep(count: number): () => void {
    const step = new Step(count);
    this.#steps.add(step);
    return () => {
      this.#steps.delete(step);
      step.end();
    };
  }

  /** Refresh tokens that this user holds no longer work. */
  revoke(user: User): void {
    this.#revokedAtUnixMs.set(user.objectId, Date.now());
  }

  isRevoked(user: User, issuedAtUnixMs: number): boolean {
    return issuedAtUnixMs <= (this.#revokedAtUnixMs.get(user.objectId) ?? Number.NEGATIVE_INFINITY);
  }

  /** Ends all faults, holds and latency; token times, revocations and who signed in stay. */
  calm(): void {
    this.#troubles.clear();
    this.latencyMs = 0;
    for (const gate of this.#holds) gate.open();
    this.#holds.clear();
    for (const step of this.#steps) step.end();
    this.#steps.clear();
  }

  /** Waits as told; the fate of the request, or undefined when it may be answered. */
  async pass(subject: Subject): Promise<Fate | undefined> {
    for (const gate of this.#holds) if (matches(gate.where, subject)) await gate.enter();
    for (const step of this.#steps) await step.enter();
    if (this.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, this.latencyMs));
    const trouble = [...this.#troubles]
      .reverse()
      .find(({ where, left }) => left > 0 && matches(where, subject));
    if (trouble === undefined) return undefined;
    trouble.left -= 1;
    trouble.hits += 1;
    return fate(trouble.fault);
  }
}

function matches(where: Where, subject: Subject): boolean {
  if (where.path !== undefined && !subject.path.includes(where.path)) return false;
  return (["grant", "resource", "clientId"] as const).every(
    (part) => where[part] === undefined || where[part] === subject[part],
  );
}

function fate(fault: Fault): Fate {
  if (fault.kind === "refuse") return refusalReply(fault.refusal);
  if (fault.kind === "reply") return { status: fault.status, body: fault.body };
  return fault.kind;
}

/** Requests wait here for the others of their step. */
class Step {
  readonly #count: number;
  #waiting: (() => void)[] = [];
  #ended = false;

  constructor(count: number) {
    this.#count = count;
  }

  async enter(): Promise<void> {
    if (this.#ended) return;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === this.#count) this.#go();
    });
  }

  end(): void {
    this.#ended = true;
    this.#go();
  }

  #go(): void {
    for (const go of this.#waiting.splice(0)) go();
  }
}

/** Requests wait here until it opens; others wait here for requests. */
class Gate {
  readonly where: Where;
  #waiting = 0;
  #open = false;
  #wakers: (() => void)[] = [];
  #watchers: { count: number; wake: () => void }[] = [];

  constructor(where: Where) {
    this.where = where;
  }

  async enter(): Promise<void> {
    if (this.#open) return;
    this.#waiting += 1;
    for (const watcher of this.#watchers) if (watcher.count <= this.#waiting) watcher.wake();
    await new Promise<void>((resolve) => this.#wakers.push(resolve));
  }

  async arrived(count: number): Promise<void> {
    if (this.#waiting >= count) return;
    await new Promise<void>((wake) => this.#watchers.push({ count, wake }));
  }

  open(): void {
    this.#open = true;
    for (const wake of this.#wakers) wake();
  }
}
