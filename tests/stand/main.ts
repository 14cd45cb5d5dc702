// The stand-in as a process of its own, for programs that are no Node or must not share its event loop:
// `node --import tsx tests/stand/main.ts` prints one JSON line when it listens, then answers each JSON line on stdin with one.
import { createInterface } from "node:readline";
import type { Fault, TokenPolicy, Where } from "./control.ts";
import { type Entra, startEntra } from "./entra.ts";

/** One line on stdin; the end of stdin closes the stand. */
export type Command =
  | { readonly do: "requests" | "forgetRequests" | "outage" | "restore" | "calm" }
  | { readonly do: "fail"; readonly fault: Fault; readonly where?: Where; readonly times?: number }
  | { readonly do: "token"; readonly token: Partial<TokenPolicy> }
  | { readonly do: "latency"; readonly milliseconds: number }
  /** Who completes device codes and browser sign-ins; without a name: nobody. */
  | { readonly do: "signIn"; readonly principalName?: string };

const entra = await startEntra();
say({ url: entra.url, machineUrl: entra.machineUrl, caPath: entra.caPath });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    say({ done: (await obey(entra, JSON.parse(line) as Command)) ?? null });
  } catch (error) {
    say({ error: String(error) });
  }
}
await entra.close();

async function obey({ control, ...stand }: Entra, command: Command): Promise<unknown> {
  switch (command.do) {
    case "requests":
      return stand.requests();
    case "forgetRequests":
      return stand.forgetRequests();
    case "outage":
      return stand.outage();
    case "restore":
      return stand.restore();
    case "calm":
      return control.calm();
    case "fail":
      control.fail(command.fault, command.where, command.times);
      return undefined;
    case "token":
      control.token = { ...control.token, ...command.token };
      return undefined;
    case "latency":
      control.latencyMs = command.milliseconds;
      return undefined;
    case "signIn":
      control.signedIn = stand.directory.users.find((user) => user.principalName === command.principalName);
      return undefined;
    default:
      throw new Error(`no such command: ${JSON.stringify(command)}`);
  }
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
