// A program that wants a token, or several one after the other: prints each, or the name of the error, and ends.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { withTokenCache } from "azure-token-cache";
import { AzureCliCredential, persistentStore } from "azure-token-cache/node";

const options = { store: persistentStore({ vault: "key-file" }) };
const credential = withTokenCache(new AzureCliCredential(), options);

// Says that it begins to ask.
writeFileSync(join(process.env.ASKING ?? "", String(process.pid)), "");
for (const scope of process.argv.slice(2)) {
  console.log(
    await credential.getToken(scope).then(
      ({ token }) => token,
      ({ name }) => name,
    ),
  );
}
