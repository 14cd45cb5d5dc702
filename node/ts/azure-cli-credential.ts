// AzureCliCredential: the options and errors of @azure/identity's, and none of its defects.
import type {
  AbortSignalLike,
  AccessToken,
  GetTokenOptions,
  TokenCredential,
} from "../../wasm/ts/credential.ts";
import { azFolder, azLockFiles, type Environment, searchPath } from "./az-environment.ts";
import { AbortError, CredentialUnavailableError } from "./errors.ts";
import type { AzFailure, AzRun, AzRunner, AzToken } from "./runner/runner.ts";
import { takeSlot } from "./runner/slots.ts";
import { zoneAround } from "./zone.ts";

/** As `@azure/identity`'s options of the same name. */
export interface AzureCliCredentialOptions {
  /** The tenant to ask, by id or domain name; without it the one that az is logged in to. */
  tenantId?: string;
  /** The name or id of a subscription: its account and tenant are asked instead of az's current ones. */
  subscription?: string;
  /** How long az may take, in milliseconds, from the start of its process; 0 or absent: 60,000. */
  processTimeoutInMs?: number;
  /** The tenants besides `tenantId` that a request may name; `"*"` for any. */
  additionallyAllowedTenants?: string[];
}

const usualLimitMs = 60_000;
/** An az that is killed while it writes its token cache leaves a file that fails every later az. */
const graceMs = 10_000;

/** The property by which a cache knows this credential, whichever copy of this module it is from. */
const kind = Symbol.for("azure-token-cache.kind");

/** The value of that property. */
export interface AzureCliKind {
  readonly name: "AzureCliCredential";
  readonly tenantId: string | undefined;
  readonly subscription: string | undefined;
  /** When a cache may give a call up: the credential keeps its own limit, which begins when the wait for a slot is over. */
  readonly limitMs: number;
}

/**
 * Set in a request's options by a cache that refreshes behind its callers: the request then keeps no process alive. A
 * cache whose own caller waits keeps the process alive itself.
 */
const behind = Symbol.for("azure-token-cache.behind");

/**
 * Tokens of the account that is logged in to the Azure CLI, by running `az account get-access-token`.
 *
 * It runs the `az` of an absolute entry of PATH, without a shell, at most two at once in a process (another number in
 * `AZURE_TOKEN_CACHE_AZ_PROCESSES`), and ends what an az leaves running. It does not cache: wrap it in `withTokenCache`.
 */
export class AzureCliCredential implements TokenCredential {
  readonly #tenant: string | undefined;
  readonly #subscription: string | undefined;
  readonly #allowedTenants: readonly string[];
  readonly #limitMs: number;

  constructor(options: AzureCliCredentialOptions = {}) {
    this.#tenant = checkedTenant(options.tenantId);
    this.#subscription = checkedSubscription(options.subscription);
    this.#allowedTenants = [...(options.additionallyAllowedTenants ?? [])];
    this.#limitMs = checkedLimit(options.processTimeoutInMs);
  }

  /** @internal What a cache needs to know to key and watch this credential's tokens. */
  get [kind](): AzureCliKind {
    return {
      name: "AzureCliCredential",
      tenantId: this.#tenant,
      subscription: this.#subscription,
      limitMs: this.#limitMs + usualLimitMs,
    };
  }

  /**
   * A token for the first of `scopes`.
   *
   * Rejects with a `CredentialUnavailableError` that says what to do, with an `AbortError` when `abortSignal` fires (az
   * is then left to finish: killed, it could damage its own token cache), and with an `Error` for a tenant or
   * subscription that is none. It reads `process.env` when it is called, and never later.
   */
  // The second parameter has no default: wrappers look at `getToken.length`.
  async getToken(scopes: string | string[], options?: GetTokenOptions): Promise<AccessToken> {
    const environment: Environment = { ...process.env };
    const signal = options?.abortSignal;
    const release = isBehind(options) ? () => {} : keepAlive();
    try {
      throwIfAborted(signal);
      const { azRunner } = await import("./runner/choose.ts");
      const runner = await azRunner();
      const run = this.#run(this.#arguments(runner, scopes, options, environment), environment);
      const first = await answer(runner, run, signal);
      return accessToken(isTornRead(first) ? await answer(runner, run, signal) : first);
    } finally {
      release();
    }
  }

  #arguments(
    runner: AzRunner,
    scopes: string | string[],
    options: GetTokenOptions | undefined,
    environment: Environment,
  ): readonly string[] {
    const result = runner.arguments({
      scopes: typeof scopes === "string" ? [scopes] : (scopes ?? []),
      configuredTenant: this.#tenant,
      requestedTenant: options?.tenantId,
      allowedTenants: this.#allowedTenants,
      multiTenant: !environment["AZURE_IDENTITY_DISABLE_MULTITENANTAUTH"],
      subscription: this.#subscription,
      claims: options?.claims,
    });
    if (isFailure(result)) throw requestError(result);
    return result;
  }

  #run(args: readonly string[], environment: Environment): AzRun {
    return {
      arguments: args,
      environment,
      searchPath: searchPath(environment),
      folder: azFolder(environment),
      limitMs: this.#limitMs,
      graceMs,
      lockFiles: azLockFiles(environment),
      zone: zoneAround(Date.now()),
    };
  }
}

async function answer(
  runner: AzRunner,
  run: AzRun,
  signal: AbortSignalLike | undefined,
): Promise<AzToken | AzFailure> {
  throwIfAborted(signal);
  const release = await takeSlot(signal);
  if (signal?.aborted) {
    release();
    throwIfAborted(signal);
  }
  const started = start(runner, run, release);
  void started.ended.then(release);
  return untilAborted(started.answer, signal);
}

function start(runner: AzRunner, run: AzRun, release: () => void): ReturnType<AzRunner["start"]> {
  try {
    return runner.start(run);
  } catch (error) {
    release();
    throw new CredentialUnavailableError(
      `Azure CLI could not be started: ${error instanceof Error ? error.message : "the system refused"}`,
      "NotStarted",
    );
  }
}

/** The abort rejects this caller; the run goes on to its end, and az keeps what it fetched. */
function untilAborted<T>(answer: Promise<T>, signal: AbortSignalLike | undefined): Promise<T> {
  if (signal === undefined) return answer;
  return new Promise((resolve, reject) => {
    const abort = () => reject(new AbortError(signal));
    signal.addEventListener("abort", abort);
    void answer.then((value) => {
      signal.removeEventListener("abort", abort);
      resolve(value);
    });
  });
}

/**
 * az empties its own token cache before it writes it, and reads it without a lock: an az that starts while another one
 * writes finds nobody there. Whoever is really absent is still absent a moment later.
 */
function isTornRead(result: AzToken | AzFailure): boolean {
  return isFailure(result) && result.message.includes("does not exist in MSAL token cache");
}

function accessToken(result: AzToken | AzFailure): AccessToken {
  if (isFailure(result)) throw new CredentialUnavailableError(result.message, result.code);
  return { token: result.token, expiresOnTimestamp: result.expiresOnTimestamp, tokenType: "Bearer" };
}

/** A tenant or subscription that is none is a mistake in the program: no chain should go on past it. */
function requestError({ code, message }: AzFailure): Error {
  if (code === "InvalidTenant" || code === "InvalidSubscription") return new Error(message);
  return new CredentialUnavailableError(message, code);
}

function isFailure(result: object): result is AzFailure {
  return "code" in result;
}

function throwIfAborted(signal: AbortSignalLike | undefined): void {
  if (signal?.aborted) throw new AbortError(signal);
}

/** A runner keeps no process alive; whoever waits for it does. */
function keepAlive(): () => void {
  const timer = setInterval(() => {}, 2 ** 30);
  return () => clearInterval(timer);
}

function isBehind(options: object | undefined): boolean {
  return options !== undefined && behind in options && options[behind] === true;
}

// The constructor cannot wait for core's functions, which may have to be loaded: the same rules, once more.

function checkedTenant(tenant: string | undefined): string | undefined {
  if (!tenant) return undefined;
  if (/^[0-9a-zA-Z.][0-9a-zA-Z.-]*$/.test(tenant)) return tenant;
  throw new Error(
    "Invalid tenant id provided. You can locate your tenant id by following the instructions listed here: " +
      "https://learn.microsoft.com/partner-center/find-ids-and-domain-names.",
  );
}

function checkedSubscription(subscription: string | undefined): string | undefined {
  if (!subscription) return undefined;
  if (/^[0-9a-zA-Z._ ][0-9a-zA-Z._ -]*$/.test(subscription)) return subscription;
  throw new Error(
    `Subscription ${JSON.stringify(subscription)} contains invalid characters. If this is the name of a subscription, ` +
      "use its ID instead. You can locate your subscription by following the instructions listed here: " +
      "https://learn.microsoft.com/azure/azure-portal/get-subscription-tenant-id",
  );
}

function checkedLimit(limitMs: number | undefined): number {
  if (limitMs === undefined || limitMs === 0) return usualLimitMs;
  if (typeof limitMs === "number" && limitMs > 0) return limitMs;
  throw new RangeError("processTimeoutInMs is a number of milliseconds, 0 or more.");
}
