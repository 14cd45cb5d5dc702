// What the cache made of a fetch, in the walk's numbers.

export const Ending = { Granted: 0, Null: 1, Failed: 2, Dropped: 3 } as const;
