// Answers the first call of a program out of its store, by one look: most programs are short, and want one token.
//
// The engine does not take part, nor is it even made: all that it would be asked is whether the stored token answers, which is
// core's rule. It takes the token over before anything else happens to the cache. Whatever is not this simple takes the usual way.
import type { AccessToken } from "./credential.ts";
import type { NearStore } from "./engine.ts";
import type { Owner } from "./owner.ts";
import type { LoginWatch, Verdict } from "./platform.ts";
import type { Shelf } from "./shelf.ts";
import type { Shelved } from "./shelf-keys.ts";
import { isExact } from "./store/entry-key.ts";
import { accessTokenOf } from "./store/stored-token.ts";
import type { StoredToken } from "./store/token-store.ts";

/** What the cache does for it. */
export interface FirstHost {
  readonly isClosed: boolean;
  monotonicMillis(): number;
  unixMillis(): number;
  /** Whether core lets a stored token answer, where none is held. */
  isUsable(stored: StoredToken, shelved: Shelved): boolean;
  /** What moved, and its consequence for the tokens that are held. */
  examineLogin(owner: Owner, watch: LoginWatch): Verdict;
  /** Whether a token may be the account's that is logged in. */
  isAdmitted(owner: Owner, watch: LoginWatch, token: AccessToken): boolean;
  /** The engine hears of a token that callers have; the look at the store took so many milliseconds. */
  takeOver(owner: Owner, scope: string, token: AccessToken, milliseconds: number): void;
}

interface Answered {
  readonly scope: string;
  readonly token: AccessToken;
  readonly stored: StoredToken;
  readonly shelved: Shelved;
  readonly milliseconds: number;
}

/** A store that is slower, in milliseconds, is asked on the usual way. */
const patienceMs = 1_000;

const plain = { tenantId: undefined, cae: false, claims: undefined };

export class FirstAnswer {
  readonly #owner: Owner;
  readonly #shelf: Shelf;
  readonly #store: NearStore;
  readonly #host: FirstHost;
  #looking: { readonly scope: string; readonly answer: Promise<AccessToken | undefined> } | undefined;
  #answered: Answered | undefined;
  /** There is no look any more: the first one is over, or something else came first. */
  #isOver = false;
  #isDropped = false;

  constructor(owner: Owner, shelf: Shelf, store: NearStore, host: FirstHost) {
    this.#owner = owner;
    this.#shelf = shelf;
    this.#store = store;
    this.#host = host;
  }

  /** A promise of the token, or of `undefined` where the call takes the usual way; `undefined` where it does so at once. */
  ask(scope: string): Promise<AccessToken | undefined> | undefined {
    if (!this.#isOver && this.#looking === undefined) this.#look(scope);
    if (this.#looking?.scope !== scope) return undefined;
    this.#owner.waits += 1;
    return this.#looking.answer.then((token) => {
      // Who takes the usual way is counted there.
      if (token === undefined) this.#owner.waits -= 1;
      return token;
    });
  }

  /** The engine takes over what was answered. Called before whatever it must know of that for. */
  handOver(): void {
    const answered = this.#answered;
    this.#answered = undefined;
    if (answered === undefined) return;
    const { scope, token, stored, shelved, milliseconds } = answered;
    if (this.#host.isUsable(stored, shelved)) this.#host.takeOver(this.#owner, scope, token, milliseconds);
  }

  /** The same; from now on all takes the usual way, where the engine judges what one answer means for the other. */
  end(): void {
    this.handOver();
    this.drop();
  }

  /** What is looked for answers nobody, and what was answered is not kept. */
  drop(): void {
    this.#isOver = true;
    this.#isDropped = true;
    this.#answered = undefined;
  }

  #look(scope: string): void {
    this.#isOver = true;
    const { watch, login } = this.#owner;
    if (!isExact(scope) || scope === "") return;
    // It has a thread of its own.
    this.#store.open();
    if (watch !== undefined && this.#host.examineLogin(this.#owner, watch) !== "same") return;
    const shelved = this.#shelf.find([scope], plain);
    if (shelved === undefined) return;
    this.#owner.fetches += 1;
    this.#looking = { scope, answer: this.#answer(scope, shelved, login) };
  }

  async #answer(scope: string, shelved: Shelved, login: number): Promise<AccessToken | undefined> {
    const began = this.#host.monotonicMillis();
    const stored = await this.#load(shelved);
    this.#looking = undefined;
    const token = stored && this.#token(stored, shelved, login);
    if (stored === undefined || token === undefined) {
      this.#owner.fetches -= 1;
      return undefined;
    }
    const milliseconds = this.#host.monotonicMillis() - began;
    this.#shelf.acquired.set(token, stored.acquiredAt);
    this.#answered = { scope, token, stored, shelved, milliseconds };
    return token;
  }

  async #load({ key }: Shelved): Promise<StoredToken | undefined> {
    try {
      await this.#shelf.ready();
      return (await this.#store.load(key, patienceMs)).token;
    } catch {
      // What fails here fails on the usual way too, which tells of it.
      return undefined;
    }
  }

  /** The login is looked at last, with the token in hand. */
  #token(stored: StoredToken, shelved: Shelved, login: number): AccessToken | undefined {
    const owner = this.#owner;
    const { watch } = owner;
    if (this.#isDropped || this.#host.isClosed || !this.#host.isUsable(stored, shelved)) return undefined;
    const token = accessTokenOf(stored);
    if (watch === undefined) return shelved.loginNow() === undefined ? undefined : token;
    if (!this.#host.isAdmitted(owner, watch, token)) return undefined;
    return owner.login === login && watch.unchanged(this.#host.unixMillis()) ? token : undefined;
  }
}
