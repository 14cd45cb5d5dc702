// AZURE_TOKEN_CACHE=off: the interface of a wrapper, and the credential's own answers.
import { brand, type CachedCredential } from "./cached-credential.ts";
import type { AccessToken, GetTokenOptions, TokenCredential } from "./credential.ts";
import { UnboundCallError } from "./errors.ts";
import { type Explanation, nothingHeld } from "./explanation.ts";
import { noStats, type Stats } from "./stats.ts";

export class SwitchedOffCredential implements CachedCredential {
  readonly #credential: TokenCredential;

  constructor(credential: TokenCredential) {
    this.#credential = credential;
  }

  get [brand](): true {
    return true;
  }

  async getToken(scopes: string | string[], options?: GetTokenOptions): Promise<AccessToken | null> {
    if (!(this instanceof SwitchedOffCredential)) throw new UnboundCallError();
    return this.#credential.getToken(scopes, options);
  }

  async invalidate(): Promise<void> {}

  explain(): Explanation {
    return nothingHeld();
  }

  stats(): Stats {
    return noStats;
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}
