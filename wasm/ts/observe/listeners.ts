// All who want to hear of a cache beside its user: the log of the Azure SDKs, and OpenTelemetry.
import { type EventListener, shielded } from "../events.ts";
import type { Owner } from "../owner.ts";
import type { Platform } from "../platform.ts";
import { AzureLog } from "./azure-log.ts";
import { countFor, countNoMore, measure } from "./metrics.ts";

/** One for the program: a platform is what it runs on. */
let log: AzureLog | undefined;

export class Listeners {
  readonly #log: AzureLog;
  readonly #owners = new Set<Owner>();
  /** Tells all of them, `onEvent` first. */
  readonly emit: EventListener;

  constructor(platform: Platform, onEvent: EventListener | undefined) {
    log ??= new AzureLog(platform);
    const own = log;
    this.#log = own;
    const others = [shielded(measure), shielded((event) => own.tell(event))];
    this.emit = (event) => {
      onEvent?.(event);
      for (const other of others) other(event);
    };
  }

  adopted(owner: Owner): void {
    this.#owners.add(owner);
    if (owner.kind.ofSdk === true) this.#log.expect();
    countFor(owner);
  }

  /** Called when the engine was asked, which it is twice a minute at the most while tokens are served. */
  asked(owner: Owner): void {
    countFor(owner);
    this.#log.lookAgain();
  }

  released(owner: Owner): void {
    this.#owners.delete(owner);
    countNoMore(owner);
  }

  closed(): void {
    for (const owner of this.#owners) this.released(owner);
  }
}
