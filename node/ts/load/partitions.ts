// Whose tokens a credential gets, for a cache with a store.
export { partitionOf, partitionOfCli } from "../partition/partition.ts";
