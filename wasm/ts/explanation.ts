// Which line of the decision table answers a request, in words.
import { Due, Zone } from "./codes.ts";
import type { Engine } from "./engine.ts";

/** What a call would get now, and why. Asking for it changes nothing. */
export interface Explanation {
  /** The line of the table. */
  readonly zone: "fresh" | "refresh-behind" | "refresh-in-front" | "expired";
  /** Why the token is due, where it is. */
  readonly due?: "hint" | "before-expiry" | "half-life" | "clock-set-back" | "challenged";
  /** How long the held token still lives; absent where none is held. */
  readonly expiresInMs?: number;
  /** For how long no attempt may begin; 0: one may. */
  readonly retryInMs: number;
  /** For how long the last failure answers; 0: it does not. */
  readonly failureRememberedForMs: number;
  readonly fetchInFlight: boolean;
  /** The same for a person. */
  readonly says: string;
}

const nothing = {
  zone: "expired",
  retryInMs: 0,
  failureRememberedForMs: 0,
  fetchInFlight: false,
} as const;

/** Of a request that was never made. */
export const nothingHeld = (): Explanation => explanation(nothing);

/** Nobody can say whose login counts. */
export const passedBy: Explanation = {
  ...nothing,
  says: "Nobody can say whose login this environment means: a call goes to the credential, and nothing is kept.",
};

export const loginUnreadable: Explanation = {
  ...nothing,
  says: "The files that say who is logged in cannot be read: a call gets an error that says why.",
};

export const loginUnreadableYet: Explanation = {
  ...nothing,
  says: "The files that say who is logged in cannot be read yet: a call waits until they can.",
};

/** Of an entry of the engine. */
export function explain(engine: Engine, entry: number, monotonic: number, unix: number): Explanation {
  const zone = zones[engine.explain(entry, monotonic, unix)];
  if (zone === undefined) return nothingHeld();
  const due = reasons[engine.explainedDue()];
  const left = engine.explainedLeft();
  return explanation({
    zone,
    ...(due !== undefined && { due }),
    ...(!Number.isNaN(left) && { expiresInMs: left }),
    retryInMs: engine.explainedGate(),
    failureRememberedForMs: engine.explainedMemory(),
    fetchInFlight: engine.explainedInFlight(),
  });
}

const zones: Partial<Record<number, Explanation["zone"]>> = {
  [Zone.Fresh]: "fresh",
  [Zone.RefreshBehind]: "refresh-behind",
  [Zone.RefreshInFront]: "refresh-in-front",
  [Zone.Expired]: "expired",
};

const reasons: Partial<Record<number, NonNullable<Explanation["due"]>>> = {
  [Due.Hint]: "hint",
  [Due.BeforeExpiry]: "before-expiry",
  [Due.HalfLife]: "half-life",
  [Due.ClockSetBack]: "clock-set-back",
  [Due.Challenged]: "challenged",
};

const dueWords: Record<NonNullable<Explanation["due"]>, string> = {
  hint: "its source wishes it to be refreshed",
  "before-expiry": "it expires soon",
  "half-life": "half of its life is over",
  "clock-set-back": "the clock was set back since it was fetched",
  challenged: "a service challenged it",
};

function explanation(facts: Omit<Explanation, "says">): Explanation {
  return { ...facts, says: `${answerOf(facts)} ${workOf(facts)}` };
}

function answerOf({ zone, due, expiresInMs = 0, failureRememberedForMs }: Omit<Explanation, "says">): string {
  const held = `the held token, which lives ${seconds(expiresInMs)} more`;
  const why = due === undefined ? "" : `; ${dueWords[due]}`;
  if (zone === "fresh" || zone === "refresh-behind") return `A call gets ${held}${why}.`;
  if (zone === "refresh-in-front")
    return `A call waits for a fetch, at most 10 s, else it gets ${held}${why}.`;
  if (failureRememberedForMs > 0)
    return `A call gets the error of the last fetch, for ${seconds(failureRememberedForMs)} more.`;
  return "Nothing that may be served is held: a call waits for a fetch.";
}

function workOf({
  zone,
  retryInMs,
  fetchInFlight,
  failureRememberedForMs,
}: Omit<Explanation, "says">): string {
  if (fetchInFlight) return "A fetch is under way.";
  if (zone === "fresh" || failureRememberedForMs > 0) return "Nothing is fetched.";
  if (zone !== "expired" && retryInMs > 0) return `The next fetch may begin in ${seconds(retryInMs)}.`;
  return "The next call begins a fetch.";
}

function seconds(milliseconds: number): string {
  return `${Math.ceil(milliseconds / 1000)} s`;
}
