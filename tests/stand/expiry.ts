// Which expiries az may state for a token: it counts the lifetime from when the answer reached it, so a second or more past `exp`.
import assert from "node:assert/strict";
import { decodeJwt } from "jose";
import type { Entra } from "./entra.ts";

/** Of a token that az fetched from `entra` before this call; `expiresAtUnixMs` is what az, or who asked it, made of it. */
export function assertExpiryFromAz(token: string, expiresAtUnixMs: number, entra: Entra): void {
  const earliest = Number(decodeJwt(token).exp) * 1000;
  const latest = Date.now() + entra.control.token.lifetimeSeconds * 1000;
  assert.ok(
    expiresAtUnixMs >= earliest && expiresAtUnixMs <= latest,
    `az states ${expiresAtUnixMs}, outside of ${earliest} to ${latest}`,
  );
}
