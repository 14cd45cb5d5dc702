// Where the tokens of a bench come from: a credential that counts, delays and fails as it is told.

const scope = "https://vault.azure.net/.default";
const hourMs = 3_600_000;

/** The scope of all benches with one token. */
export const benchScope = scope;

/**
 * A credential as an application has it. `attempts` counts, `mode.fails` makes the following attempts fail.
 *
 * @param {{ delayMs?: number, lifetimeMs?: number, fails?: boolean, now?: () => number }} options
 */
export function source({ delayMs = 0, lifetimeMs = hourMs, fails = false, now = Date.now } = {}) {
  const state = { attempts: 0, fails };
  return {
    state,
    async getToken(_scopes, _options) {
      state.attempts += 1;
      if (delayMs > 0) await after(delayMs);
      if (state.fails) throw new SourceError("the source refuses");
      return { token: tokenNumbered(state.attempts), expiresOnTimestamp: now() + lifetimeMs };
    },
  };
}

export class SourceError extends Error {}

/** As long as Entra ID's, without its meaning; flat, so that its memory is counted once. */
export function tokenNumbered(number) {
  return Buffer.alloc(1500, `t${number}.`).toString("latin1");
}

export function after(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
