// A user's program: every entry point's types, as they are meant to be used.
import {
  type AccessToken,
  type CacheEvent,
  type Clock,
  type Policy,
  TokenCache,
  type TokenCacheOptions,
  type TokenCredential,
  withTokenCache,
} from "azure-token-cache";
import { createEngine } from "azure-token-cache/core";
import { AzureCliCredential } from "azure-token-cache/node";
import {
  type AuthenticationRecord,
  cachePersistence,
  cachePersistencePlugin,
} from "azure-token-cache/plugin";
import { type RedisClient, redisTokenStore } from "azure-token-cache/redis";
import { ManualClock, ScriptedCredential } from "azure-token-cache/testing";

const events: CacheEvent[] = [];
const clock: Clock = new ManualClock();
const policy: Partial<Policy> = { refreshBeforeExpiryMs: 60_000 };
const options: TokenCacheOptions = {
  clock,
  policy,
  maxEntries: 10,
  onEvent: (event) => void events.push(event),
};
const cache = new TokenCache(options);
const own: TokenCredential = { getToken: async (): Promise<AccessToken | null> => null };

export const credentials = [
  withTokenCache(new AzureCliCredential({ tenantId: "contoso.example" })),
  withTokenCache(own, { identity: "fixed" }),
  cache.wrap(own),
];
export const engine: object = createEngine();
export const script: typeof ScriptedCredential = ScriptedCredential;

export const plugins: ((context: unknown) => void)[] = [cachePersistencePlugin];
export const record: Promise<AuthenticationRecord | undefined> = cachePersistence({
  keepAuthenticationRecord: true,
}).authenticationRecord({ name: "own", clientId: "11111111-2222-4333-8444-555555555555" });

export async function token(): Promise<string | undefined> {
  await using first = credentials[0];
  const held = await first?.getToken(["https://vault.azure.net/.default"], { enableCae: true });
  return held?.token;
}

// @ts-expect-error a misspelt option is an error
withTokenCache(own, { polcy: {} });

declare const redis: RedisClient;
export const fleet = withTokenCache(new AzureCliCredential(), {
  store: redisTokenStore(redis, { keys: [new Uint8Array(32)], prefix: "fleet", patienceMs: 100 }),
});
