// What a login watch asks for, whoever answers: the addon, or core's watch in wasm over node:fs.
import { addon } from "../addon.ts";
import type { LoginSources } from "./sources.ts";

/** How much a credential has to do with the tools, in core's numbers. */
export const reliances = { always: 0, perhaps: 1, unknown: 2 } as const;
export type Reliance = keyof typeof reliances;

/** Times are milliseconds, monotonic and since the Unix epoch; the numbers that are answered are core's. */
export interface LoginWitness {
  configure(sources: LoginSources): void;
  /** Whether a token in hand may be served. */
  unchanged(monotonicMs: number, unixMs: number): boolean;
  /** 0 same, 1 changed, 2 touched, 3 unparsable, 4 give up. */
  examine(monotonicMs: number, unixMs: number): number;
  /** -1 start as `lastRun()`, -2 unparsable, -3 restless; else the milliseconds to wait. */
  start(askedMs: number, monotonicMs: number, unixMs: number): number;
  lastRun(): number;
  /** -1 steady, -2 moved with the same account, -3 moved; else the milliseconds to wait. */
  finish(run: number, fetched: boolean, endedMs: number, monotonicMs: number, unixMs: number): number;
  /** 0 plausible, 1 contradiction, 2 another user. */
  admit(token: string, tenant?: string): number;
  session(): number;
  /** Why the last contents could not be parsed. */
  error(): string | null | undefined;
  /** Who is logged in, by what was seen last; nothing where that cannot be read. */
  standing(): WitnessedStanding | null | undefined;
  /** Of the addon, which the store is of too: where it keeps az's token for a request, by what was seen last. */
  azEntry?(scopes: readonly string[], tenantId: string | undefined): AzEntry | null | undefined;
  /** Where nobody is logged in to az: how the keys begin of tokens that are nobody's. */
  azVacated?(): Uint8Array | null | undefined;
}

/** Who is logged in, for a store. */
export interface WitnessedStanding {
  /** What the files say; nothing where nobody is logged in. It may hold secrets. */
  readonly says?: Uint8Array | null | undefined;
  /** Whether that tells whose tokens the tools get. */
  readonly told: boolean;
  /** Digests of what the files look like that name the account, and of those that a new login changes. */
  readonly account: string;
  readonly session: string;
}

/** As the addon says it. */
export interface AzEntry {
  readonly key: Uint8Array;
  readonly loginAccount: string;
  readonly loginSession: string;
  readonly account: string;
}

/** What the addon exports for this. */
export interface WitnessExports {
  LoginWitness: new (
    reliance: number,
    subscription: string | undefined | null,
    gapMs: number,
  ) => LoginWitness;
}

let overFiles:
  | ((...given: ConstructorParameters<WitnessExports["LoginWitness"]>) => LoginWitness)
  | undefined;

/** The addon's; without one, core's once it is loaded, and until then `undefined`. */
export function loginWitness(
  reliance: Reliance,
  subscription: string | undefined,
  gapMs: number,
): LoginWitness | undefined {
  const native = addon<WitnessExports>()?.LoginWitness;
  if (native !== undefined) return new native(reliances[reliance], subscription, gapMs);
  return overFiles?.(reliances[reliance], subscription, gapMs);
}

/** The addon's knows where the other programs of the machine keep az's tokens. */
export function hasNativeWitness(): boolean {
  return addon<WitnessExports>()?.LoginWitness !== undefined;
}

/** After this `loginWitness` answers. */
export async function loadLoginWitness(): Promise<void> {
  if (hasNativeWitness() || overFiles !== undefined) return;
  const { loadFileWitness } = await import("./file-witness.ts");
  overFiles = await loadFileWitness();
}
