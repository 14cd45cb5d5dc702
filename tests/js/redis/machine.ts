// A machine of a fleet: a cache of its own, a credential that counts its fetches, and the events.
import { type CacheEvent, type TokenStore, withTokenCache } from "azure-token-cache";
import { fakeToken } from "../../leaks/search.mjs";

export class Machine {
  readonly events: CacheEvent[] = [];
  fetches = 0;
  readonly #credential;

  constructor(store: TokenStore, fetch?: () => Promise<string>) {
    const tokenOf = fetch ?? (async () => fakeToken(`${this.fetches}`));
    const getToken = async () => {
      this.fetches += 1;
      return { token: await tokenOf(), expiresOnTimestamp: Date.now() + 3_600_000 };
    };
    const onEvent = (event: CacheEvent) => this.events.push(event);
    const options = { store, partition: "tenant and client", identity: "fixed", onEvent } as const;
    this.#credential = withTokenCache({ getToken }, options);
  }

  async get(scope = "scope"): Promise<string | undefined> {
    return (await this.#credential.getToken(scope))?.token;
  }

  /** What the store could not do, and why: each once. */
  get failed(): string[] {
    const failed = this.events.filter((event) => event.type === "store-failed");
    return [...new Set(failed.map(({ operation, errorCode }) => `${operation} ${errorCode}`))];
  }
}
