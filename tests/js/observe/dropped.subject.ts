// Wraps credentials, closes some of them, drops all, and prints how many are gone and what the metrics still say.
import { type CachedCredential, withTokenCache } from "azure-token-cache";
import { fakeToken } from "../../leaks/search.mjs";
import { Telemetry } from "./telemetry.ts";

const wrappers = 200;
let collected = 0;
const registry = new FinalizationRegistry(() => {
  collected += 1;
});

const telemetry = Telemetry.register();
await use(wrappers / 2, () => {});
await telemetry.collected();
await use(wrappers / 2, (credential) => credential.close());
for (let round = 0; round < 50 && collected < wrappers; round += 1) {
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, 10));
}
const hits = (await telemetry.values("azure_token_cache.hits"))["credential"];
const tokens = (await telemetry.values("azure_token_cache.tokens"))["credential"];
console.log(JSON.stringify({ collected, hits, tokens }));
await telemetry[Symbol.asyncDispose]();

async function use(count: number, end: (credential: CachedCredential) => unknown): Promise<void> {
  for (let made = 0; made < count; made += 1) {
    const credential = withTokenCache(
      { getToken: async () => ({ token: fakeToken("t"), expiresOnTimestamp: Date.now() + 3_600_000 }) },
      { identity: "fixed" },
    );
    registry.register(credential, undefined);
    for (let call = 0; call < 3; call += 1) await credential.getToken("scope");
    await end(credential);
  }
}
