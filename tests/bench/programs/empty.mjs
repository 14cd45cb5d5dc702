// An ESM program that does nothing: what every start costs.
export {};
