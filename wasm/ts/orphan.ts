// What becomes of a run whose engine failed: its answer goes to those who wait for it, and is not kept.
import { Stability } from "./codes.ts";
import type { AccessToken } from "./credential.ts";
import {
  ClosedError,
  FetchTimeoutError,
  LoginMovedError,
  NotATokenError,
  TokenExpiryError,
} from "./errors.ts";
import type { EventListener } from "./events.ts";
import type { Owner } from "./owner.ts";
import type { Run } from "./run.ts";
import type { Thrown } from "./slot.ts";
import { Ending } from "./store/ending.ts";
import type { Waiters } from "./waiters.ts";

/** What the cache still does for such a run. */
export interface OrphanHost {
  readonly emit: EventListener;
  readonly isClosed: boolean;
  monotonicMillis(): number;
  unixMillis(): number;
  after(run: () => void, milliseconds: number, keepAlive: boolean): () => void;
  limitOf(owner: Owner): number;
  /** Callers get a token that is not kept. */
  handsOut(token: AccessToken, owner: Owner): void;
}

export async function finishOrphan(run: Run, waiters: Waiters | undefined, host: OrphanHost): Promise<void> {
  if (host.isClosed) run.abort();
  const { owner } = run.slot;
  const limit = host.limitOf(owner);
  const expire = () => {
    waiters?.rejectQuietly(new FetchTimeoutError(limit));
    run.abort();
  };
  const cancel = host.after(expire, limit - (host.monotonicMillis() - run.startedAt), waiters !== undefined);
  let thrown: Thrown | undefined;
  try {
    const token = judged(run, await run.answer, host);
    waiters?.resolve(token);
  } catch (error) {
    thrown = { error };
    owner.failures += 1;
    waiters?.rejectQuietly(error);
  }
  cancel();
  run.stored?.settle(Ending.Dropped);
  host.emit(run.end(thrown === undefined ? "dropped" : "failed", host.monotonicMillis(), thrown));
}

/** The answer, where no engine can judge it. */
function judged(run: Run, result: unknown, host: OrphanHost): AccessToken | null {
  const { owner } = run.slot;
  if (host.isClosed || owner.closed) throw new ClosedError();
  if (run.stability !== Stability.Steady) throw new LoginMovedError();
  if (result == null) return null;
  const token = result as AccessToken;
  if (typeof token.token !== "string" || token.token === "") throw new NotATokenError();
  if (!(token.expiresOnTimestamp > 0)) throw new TokenExpiryError("missing");
  if (token.expiresOnTimestamp <= host.unixMillis()) throw new TokenExpiryError("past");
  host.handsOut(token, owner);
  return token;
}
