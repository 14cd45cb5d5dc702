// An az that is logged in, without az: its files, and a script that prints a token, for what does not measure az itself.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Into `azure` and `bin` of a folder: the files of one user with one subscription, and an az that prints a token. */
export function logIn(home) {
  const azure = join(home, "azure");
  mkdirSync(azure, { recursive: true });
  mkdirSync(join(home, "bin"));
  const subscription = {
    id: "00000000-0000-4000-8000-000000000001",
    name: "Bench",
    state: "Enabled",
    user: { name: "alice@contoso.example", type: "user" },
    isDefault: true,
    tenantId: "00000000-0000-4000-8000-0000000000aa",
    environmentName: "AzureCloud",
  };
  writeFileSync(
    join(azure, "azureProfile.json"),
    `\uFEFF${JSON.stringify({ subscriptions: [subscription] })}`,
  );
  writeFileSync(
    join(azure, "clouds.config"),
    "[AzureCloud]\nsubscription = 00000000-0000-4000-8000-000000000001\n",
  );
  writeFileSync(join(azure, "config"), "[cloud]\nname = AzureCloud\n");
  writeFileSync(join(azure, "msal_token_cache.json"), "{}");
  const answer = {
    accessToken: "opaque",
    expires_on: Math.floor(Date.now() / 1000) + 3600,
    tokenType: "Bearer",
  };
  writeFileSync(join(home, "bin", "az"), `#!/bin/sh\ncat <<'END'\n${JSON.stringify(answer)}\nEND\n`, {
    mode: 0o755,
  });
}
