// Several promises as one that waits for all of them: what one of them cannot do, the others have still done.

/** @throws the first reason, when all have settled. */
export async function settleAll(promises: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises))
    if (result.status === "rejected") throw result.reason;
}
