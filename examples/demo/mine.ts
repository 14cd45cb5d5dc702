// The demo on the login that is there: it reads one token, shows nothing of it, and changes nothing.
import { withTokenCache } from "azure-token-cache";
import { AzureCliCredential } from "azure-token-cache/node";
import { during, heading, milliseconds, note, table } from "./screen.ts";

const scope = "https://management.azure.com/.default";

/** The exit code: 1 where az has no token. */
export async function mine(): Promise<number> {
  heading("azure-token-cache, on your own login", `One token for ${scope}. It is neither shown nor kept.`);
  const credential = withTokenCache(new AzureCliCredential());
  try {
    const first = await timed(() => during("asking az", credential.getToken(scope)));
    const second = await timed(() => credential.getToken(scope));
    table([
      { what: "the first call, with az", value: milliseconds(first) },
      { what: "the second call", value: milliseconds(second) },
      {
        what: "the first over the second",
        value: `${Math.round(first / second).toLocaleString("en")} times`,
      },
    ]);
    return 0;
  } catch (error) {
    note(error instanceof Error ? error.message : String(error));
    return 1;
  } finally {
    await credential.close();
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
