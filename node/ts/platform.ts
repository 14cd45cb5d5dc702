// What Node gives to the portable code: recognised credentials, the login watch, timers that keep no process alive.
import type { CredentialKind, Derived, LoginWatch, Platform } from "../../wasm/ts/platform.ts";
import { cliIdentityNeeds } from "./cli-identity.ts";
import { hasOneGetToken, recognise, subjectOf, unknownLogin } from "./kinds.ts";
import { partitionOf, partitionOfCli } from "./load/partitions.ts";
import { type LoginNeeds, watchLogin } from "./login-watch/login-watch.ts";
import { monotonicMillis } from "./monotonic.ts";
import { engineBeside } from "./native-engine.ts";
import { required } from "./required.ts";

export const nodePlatform: Platform = {
  kindOf(credential): CredentialKind | undefined {
    return recognise(credential)?.kind;
  },

  watch(credential, identity): LoginWatch | undefined {
    const needs = loginOf(credential, identity);
    return needs && watchLogin(needs);
  },

  partitionOf(credential, identity): Derived {
    const cli = cliIdentityNeeds(identity);
    return cli === undefined ? partitionOf(credential) : partitionOfCli(cli);
  },

  monotonicMillis,

  setTimer(run, milliseconds, keepAlive): NodeJS.Timeout {
    const timer = setTimeout(run, milliseconds);
    return keepAlive ? timer : timer.unref();
  },

  clearTimer(timer): void {
    clearTimeout(timer as NodeJS.Timeout);
  },

  environment(name): string | undefined {
    return process.env[name];
  },

  engine: engineBeside,

  required,
};

function loginOf(credential: object, identity: unknown): LoginNeeds | undefined {
  if (identity !== undefined) {
    const needs = cliIdentityNeeds(identity);
    if (needs !== undefined) return needs;
    throw new TypeError('identity is "fixed", or cliIdentity() from "azure-token-cache/node".');
  }
  const known = recognise(credential);
  if (known === undefined) return unknownLogin();
  return known.login && { ...known.login, altered: !hasOneGetToken(subjectOf(credential)) };
}
