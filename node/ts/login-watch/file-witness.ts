// The login's witness without the addon: core's watch in wasm, over node:fs. A file of its own, loaded where it is needed.
import type { LoginWatch as CoreWatch } from "../../../wasm/ts/generated/az.js";
import { LoginFiles } from "./files.ts";
import type { LoginSources } from "./sources.ts";
import type { LoginWitness, WitnessExports, WitnessedStanding } from "./witness.ts";

/** Makes witnesses as the addon's class does. */
export async function loadFileWitness(): Promise<
  (...given: ConstructorParameters<WitnessExports["LoginWitness"]>) => LoginWitness
> {
  const { loadAz } = await import("../../../wasm/ts/az.ts");
  const { LoginWatch } = loadAz();
  return (reliance, subscription, gapMs) => new FileWitness(new LoginWatch(reliance, subscription, gapMs));
}

/** Marks of other sources must be other marks. */
const marksPerSource = 2 ** 32;

/** In core's numbers az's files come first. */
const lastRoleOfAz = 2;

class FileWitness implements LoginWitness {
  readonly #watch: CoreWatch;
  #files = new LoginFiles([], [], 0);
  #roles: readonly number[] = [];
  #isRead = false;
  #generation = 0;

  constructor(watch: CoreWatch) {
    this.#watch = watch;
  }

  configure(sources: LoginSources): void {
    this.#generation += 1;
    this.#roles = sources.roles;
    this.#isRead = false;
    this.#files = new LoginFiles(sources.files, sources.secrets, this.#generation * marksPerSource);
    this.#watch.configure(
      Uint8Array.from(sources.roles),
      sources.azureCloudName,
      sources.accCloud,
      sources.copilotAgentSessionId,
      sources.armCloudMetadataUrl,
    );
  }

  unchanged(monotonicMs: number, unixMs: number): boolean {
    const depth = this.#watch.look(monotonicMs, unixMs);
    if (depth === 0) return true;
    if (depth === 1 && this.#watch.witness(this.#files.witness(), monotonicMs, unixMs)) return true;
    if (this.#watch.isClear()) this.#read(monotonicMs, unixMs);
    return this.#watch.isClear();
  }

  examine(monotonicMs: number, unixMs: number): number {
    this.#read(monotonicMs, unixMs);
    return this.#watch.verdict(monotonicMs, unixMs);
  }

  start(askedMs: number, monotonicMs: number, unixMs: number): number {
    this.#read(monotonicMs, unixMs);
    return this.#watch.start(askedMs, monotonicMs, unixMs);
  }

  lastRun(): number {
    return this.#watch.lastRun();
  }

  finish(run: number, fetched: boolean, endedMs: number, monotonicMs: number, unixMs: number): number {
    this.#read(monotonicMs, unixMs);
    return this.#watch.finish(run, fetched, endedMs, monotonicMs, unixMs);
  }

  admit(token: string, tenant?: string): number {
    return this.#watch.admit(token, tenant);
  }

  session(): number {
    return this.#watch.session();
  }

  error(): string | undefined {
    return this.#watch.error();
  }

  standing(): WitnessedStanding | undefined {
    const says = this.#isRead ? this.#watch.says() : undefined;
    if (says === undefined) return undefined;
    const told = this.#watch.isTold();
    const digests = this.#files.digests((index) => (this.#roles[index] ?? 0) > lastRoleOfAz);
    return { ...digests, told, ...(says.length > 0 && { says }) };
  }

  #read(monotonicMs: number, unixMs: number): void {
    const { witness, contents, secrets, writtenUnixMs, remote, found } = this.#files.read();
    this.#isRead = true;
    this.#watch.reading(witness, contents, secrets, writtenUnixMs, remote, found, monotonicMs, unixMs);
  }
}
