// What only a cache with a store needs: a file of its own, loaded at the first use of a store.

export { MemoryTokenStore } from "./store/memory-token-store.ts";
export { obtain } from "./store/obtain.ts";
export { deserializeStore, serializeStore } from "./store/portable.ts";
export { SealedStore } from "./store/sealed-store.ts";
