// What only a cache with a store needs: a file of its own, loaded at the first fetch by way of the store.

export { StoredFetch } from "./store/stored-fetch.ts";
