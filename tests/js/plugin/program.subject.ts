// A program that signs in with the plugin, as a test starts it: makes one credential, asks it as its argument says, prints what came.
import { cachePersistence } from "azure-token-cache/plugin";
import { identity } from "../../stand/identity.ts";

/** What the argument holds, as JSON. */
export interface Task {
  readonly credential:
    | "ClientSecret"
    | "DeviceCode"
    | "InteractiveBrowser"
    | "UsernamePassword"
    | "OnBehalfOf";
  /** What stands before the options in its constructor. */
  readonly args?: readonly string[];
  readonly options: Record<string, unknown>;
  /** Of the plugin; none: the program has no plugin. */
  readonly plugin?: Parameters<typeof cachePersistence>[0];
  /** Pass the record that the plugin kept. */
  readonly useRecord?: boolean;
  /** Print the record of `authenticate`, instead of asking for tokens. */
  readonly authenticate?: boolean;
  readonly calls: readonly { readonly scope: string; readonly enableCae?: boolean }[];
}

/** A line for each call. */
export interface Told {
  /** The id of the token. */
  readonly uti?: string;
  readonly error?: { readonly name: string; readonly code?: string; readonly message: string };
  /** As `@azure/identity` serialises it. */
  readonly record?: string;
  /** How often the user was asked to sign in so far. */
  readonly prompts: number;
}

const task = JSON.parse(process.argv[2] ?? "") as Task;
let prompts = 0;
const persistence = task.plugin && cachePersistence(task.plugin);
if (persistence) identity.useIdentityPlugin(persistence);
const record = task.useRecord ? await persistence?.authenticationRecord(named()) : undefined;
const options = {
  ...task.options,
  ...(record && { authenticationRecord: record }),
  userPromptCallback: () => {
    prompts += 1;
  },
};
const Credential = identity[`${task.credential}Credential`] as unknown as new (
  ...args: unknown[]
) => InstanceType<typeof identity.DeviceCodeCredential>;
const credential = new Credential(...(task.args ?? []), options);

if (task.authenticate) {
  const signedIn = await credential.authenticate(task.calls[0]?.scope ?? "");
  tell({ record: identity.serializeAuthenticationRecord(signedIn as NonNullable<typeof signedIn>) });
} else {
  for (const { scope, enableCae = false } of task.calls) {
    try {
      const { token } = await credential.getToken(scope, { enableCae });
      tell({ uti: JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()).uti });
    } catch (error) {
      const { name, code, message } = error as NodeJS.ErrnoException;
      tell({ error: { name, ...(code && { code }), message } });
    }
  }
}
if (persistence && task.plugin?.keepAuthenticationRecord) {
  const kept = await persistence.authenticationRecord(named());
  if (kept) tell({ record: identity.serializeAuthenticationRecord(kept) });
}

function named(): object {
  return (task.options["tokenCachePersistenceOptions"] as object | undefined) ?? {};
}

function tell(told: Omit<Told, "prompts">): void {
  console.log(JSON.stringify({ ...told, prompts }));
}
