// A runtime of which nothing is known: no login to watch, the web's timers.
import { OptionError } from "./errors.ts";
import type { Platform } from "./platform.ts";

export const defaultPlatform: Platform = {
  kindOf: () => undefined,

  watch(_credential, identity) {
    if (identity !== undefined)
      throw new OptionError(
        "identity",
        'can only be "fixed" here: watching a login needs Node and azure-token-cache/node',
      );
    return undefined;
  },

  setTimer(run, milliseconds, keepAlive) {
    const timer: unknown = setTimeout(run, milliseconds);
    if (!keepAlive) (timer as { unref?: () => void }).unref?.();
    return timer;
  },

  clearTimer(timer) {
    clearTimeout(timer as number);
  },

  environment(name) {
    const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
    try {
      return process?.env?.[name];
    } catch {
      // A runtime that asks for permission to read it has not given it.
      return undefined;
    }
  },
};
