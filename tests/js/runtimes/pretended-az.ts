// An az for programs outside the checkout: a script that prints a token of whoever is logged in, and the files by which az says
// who that is.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fakeToken } from "../../leaks/search.mjs";

export class PretendedAz {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(join(folder, "azure"), { recursive: true });
    const script = [
      "#!/bin/sh",
      'read -r user < "$AZURE_CONFIG_DIR/../user"',
      `printf '{ "accessToken": "${fakeToken("of-%s")}", "expires_on": ${Math.floor(Date.now() / 1000) + 3600}, "tokenType": "Bearer" }' "$user"`,
    ];
    writeFileSync(join(folder, "az"), `${script.join("\n")}\n`);
    chmodSync(join(folder, "az"), 0o755);
  }

  /** As az does it: the profile is rewritten in place, and here even has the same size. */
  logIn(user: "alice" | "bobby"): void {
    const subscription = {
      id: "00000000-0000-4000-8000-000000000001",
      name: "One",
      state: "Enabled",
      user: { name: `${user}@contoso.example`, type: "user" },
      isDefault: true,
      tenantId: "00000000-0000-4000-8000-0000000000aa",
      environmentName: "AzureCloud",
    };
    writeFileSync(join(this.#folder, "user"), `${user}\n`);
    writeFileSync(
      join(this.#folder, "azure/azureProfile.json"),
      `\uFEFF${JSON.stringify({ subscriptions: [subscription] })}`,
    );
  }

  logOut(): void {
    writeFileSync(join(this.#folder, "azure/azureProfile.json"), '{"subscriptions": []}');
  }

  uninstall(): void {
    rmSync(join(this.#folder, "az"));
  }

  get environment(): Record<string, string> {
    return {
      PATH: `${this.#folder}:/bin`,
      HOME: this.#folder,
      AZURE_CONFIG_DIR: join(this.#folder, "azure"),
    };
  }
}
