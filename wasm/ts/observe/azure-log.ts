// Writes what happens to the log of the Azure SDKs, as AZURE_LOG_LEVEL and the program's own `setLogLevel` want it.
import type { CacheEvent } from "../events.ts";
import type { Platform } from "../platform.ts";

type Level = "error" | "warning" | "info" | "verbose";

/** What `createClientLogger` of `@azure/logger` makes, or whatever else is under that name. */
type Logger = Partial<Record<Level, ((line: string) => void) & { readonly enabled: boolean }>>;

interface Package {
  createClientLogger(name: string): Logger;
}

const packageName = "@azure/logger";

/** What a program hears late that sets a level long after the start. */
const mostEarly = 100;

/** A process that ends sooner is not burdened with a package that it may not have loaded itself. */
const patienceMs = 1000;

/**
 * The package keeps its level in each copy, and a program may have two: one by `import` and one by `require`. A line goes to
 * the first one that wants it. It is a package of the program, not of this one: without it there is no log.
 *
 * Nobody can say whether it is loaded, and loading it takes longer than a token from a store. So it is loaded at the first
 * event where somebody listens, or where it is there already, and else only in a process that goes on for a while.
 */
export class AzureLog {
  readonly #platform: Platform;
  #required: Logger | undefined;
  #imported: Logger | undefined;
  #import: "not yet" | "coming" | "over" = "not yet";
  #isExpected = false;
  /** What happened before the package was there. */
  #early: CacheEvent[] = [];
  /** When the first event was, and when the program was last asked for a copy. */
  #since = Number.NaN;
  #lookedAt = Number.NaN;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** A credential of `@azure/identity` was seen, which has loaded the package. */
  expect(): void {
    this.#isExpected = true;
  }

  tell(event: CacheEvent): void {
    this.#look();
    if (this.#write(event) || this.#import === "over" || this.#early.length >= mostEarly) return;
    this.#early.push(event);
  }

  /** Called now and then, but for hits: what is early may have waited long enough. */
  lookAgain(): void {
    if (this.#import === "not yet" && Date.now() - this.#since >= patienceMs) void this.#load();
  }

  #look(): void {
    const now = Date.now();
    if (Number.isNaN(this.#since)) this.#since = now;
    if (this.#required === undefined && !(now - this.#lookedAt < patienceMs)) {
      this.#lookedAt = now;
      // The program may have loaded its copy since the last look.
      this.#required = this.#loaded();
      this.#isExpected ||= this.#isAskedFor();
    }
    if (this.#import === "not yet" && this.#required === undefined && this.#isExpected) void this.#load();
  }

  #loaded(): Logger | undefined {
    try {
      return loggerOf(this.#platform.required?.(packageName));
    } catch {
      // A runtime that is only nearly Node.
      return undefined;
    }
  }

  #isAskedFor(): boolean {
    if (this.#platform.environment("AZURE_LOG_LEVEL")) return true;
    return this.#platform.environment("DEBUG")?.includes("azure") === true;
  }

  async #load(): Promise<void> {
    this.#import = "coming";
    try {
      this.#imported = loggerOf(await import("@azure/logger"));
    } catch {
      // The program does not have it.
    }
    this.#import = "over";
    for (const event of this.#early.splice(0)) this.#write(event);
  }

  /** Whether anybody wanted it. Never throws. */
  #write(event: CacheEvent): boolean {
    const level = levelOf(event);
    const log = [this.#required?.[level], this.#imported?.[level]].find((each) => each?.enabled === true);
    if (log === undefined) return false;
    const { type, ...facts } = event;
    try {
      log(`${type} ${JSON.stringify(facts)}`);
    } catch {
      // Its own business: a token is worth more than a log line.
    }
    return true;
  }
}

function loggerOf(loaded: unknown): Logger | undefined {
  try {
    return (loaded as Package | undefined)?.createClientLogger("token-cache");
  } catch {
    return undefined;
  }
}

function levelOf(event: CacheEvent): Level {
  switch (event.type) {
    case "engine-failed":
      return "error";
    case "fetch-end":
      return event.outcome === "failed" ? "warning" : "info";
    case "fetch-limit":
    case "served-stale":
    case "store-failed":
      return "warning";
    case "fetch-start":
    case "failure-remembered":
    case "passed-by":
      return "verbose";
    default:
      return "info";
  }
}
