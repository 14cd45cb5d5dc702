// An az beside a program that knows nothing of a cache: it counts its starts, and knows one token.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

const az = `#!/bin/sh
echo started >> "$AZURE_CONFIG_DIR/starts"
printf '{"accessToken":"CANARY-az-beside","expires_on":4102444800,"tokenType":"Bearer"}'
`;
const subscription = {
  id: "33333333-3333-3333-3333-333333333333",
  name: "One",
  state: "Enabled",
  user: { name: "ann@example.com", type: "user" },
  isDefault: true,
  tenantId: "11111111-1111-1111-1111-111111111111",
  environmentName: "AzureCloud",
};

/** Puts it first on this process's PATH. Returns how often it was started. */
export function putAzFirst() {
  const folder = join(process.cwd(), `azure-of-${process.pid}`);
  mkdirSync(folder);
  writeFileSync(join(folder, "az"), az);
  chmodSync(join(folder, "az"), 0o755);
  writeFileSync(join(folder, "azureProfile.json"), JSON.stringify({ subscriptions: [subscription] }));
  process.env.AZURE_CONFIG_DIR = folder;
  process.env.PATH = `${folder}${delimiter}${process.env.PATH}`;
  const starts = join(folder, "starts");
  return () => (existsSync(starts) ? readFileSync(starts, "utf8").trim().split("\n").length : 0);
}

/** Asks for the same token twice: one start of az is enough where there is a cache. */
export async function askTwice(credential, starts) {
  for (let call = 0; call < 2; call += 1) {
    const { token } = await credential.getToken("https://vault.azure.net/.default");
    if (token !== "CANARY-az-beside") throw new Error("another token");
  }
  if (starts() !== 1) throw new Error(`${starts()} starts of az for two calls`);
  return "used";
}
