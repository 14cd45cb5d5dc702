// What only a cache with a store needs: a file of its own, loaded at the first use of a store.

export { SealedStore } from "./store/sealed-store.ts";
export { StoredFetch } from "./store/stored-fetch.ts";
