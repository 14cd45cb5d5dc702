// One wrapped credential: what it honours, whose login it uses, its requests and its counts.
import type { TokenCredential } from "./credential.ts";
import type { FirstAnswer } from "./first-answer.ts";
import type { CredentialKind, LoginWatch } from "./platform.ts";
import { RequestTree } from "./request-tree.ts";
import type { Shelf } from "./shelf.ts";
import type { Stats } from "./stats.ts";

export class Owner {
  readonly id: number;
  readonly credential: TokenCredential;
  readonly kind: CredentialKind;
  readonly watch: LoginWatch | undefined;
  /** Its place in the store that it shares with other processes. */
  readonly shelf: Shelf | undefined;
  readonly tree: RequestTree;
  /** Answers its first call, where that may be done without the engine. */
  first: FirstAnswer | undefined;
  closed = false;
  /** Grows with every change of login: a token in hand from before one must not be served. */
  login = 0;
  hits = 0;
  waits = 0;
  fetches = 0;
  fetchesBehind = 0;
  failures = 0;
  tokens = 0;
  /** Hits that the wrapper answered by itself. */
  quickHits = () => 0;

  constructor(
    id: number,
    credential: TokenCredential,
    kind: CredentialKind,
    watch: LoginWatch | undefined,
    shelf: Shelf | undefined,
    maxEntries: number,
  ) {
    this.id = id;
    this.credential = credential;
    this.kind = kind;
    this.watch = watch;
    this.shelf = shelf;
    // Requests that mean one entry (a scope, a list of one, another order) have a node each, of which two are usual.
    this.tree = new RequestTree(Math.max(256, 2 * maxEntries));
  }

  stats(): Stats {
    this.first?.handOver();
    const { waits, fetches, fetchesBehind, failures, tokens } = this;
    return { hits: this.hits + this.quickHits(), waits, fetches, fetchesBehind, failures, tokens };
  }
}
