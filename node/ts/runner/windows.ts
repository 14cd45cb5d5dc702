// How a batch file is started on Windows, where az is one: through cmd.exe, with nothing in it that cmd.exe interprets.
import type { Environment } from "../az-environment.ts";
import { azFolder } from "../az-environment.ts";

const refused = /[%!^&|<>()"\r\n\0]/;
/** Parentheses stand in "Program Files (x86)" and mean nothing between quotes; an argument has no need of them. */
const refusedInPath = /[%!^&|<>"\r\n\0]/;

export const isBatch = (program: string): boolean => /\.(cmd|bat)$/i.test(program);

export function isSafeForBatch(program: string, args: readonly string[]): boolean {
  return !refusedInPath.test(program) && !args.some((argument) => refused.test(argument));
}

/** No autorun, the outer quotes taken off and the rest kept as it is, no delayed expansion. */
export function batchArguments(program: string, args: readonly string[]): string[] {
  const line = [program, ...args].map((word) => `"${word}"`).join(" ");
  return ["/d", "/s", "/v:off", "/c", `"${line}"`];
}

/** By its full path: never one that the working folder or PATH offers. */
export function systemProgram(environment: Environment, name: string): string {
  return process.getBuiltinModule("node:path").join(azFolder(environment), "System32", name);
}
