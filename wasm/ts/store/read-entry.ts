// What a store gave, checked: a store may be anybody's, and what it holds may be anything.
import type { StoredEntry, StoredFailure, StoredLogin, StoredToken } from "./token-store.ts";

/** The entry, if it is one. @throws TypeError that says which part is not. */
export function readEntry(given: unknown): StoredEntry {
  const entry = objectOf(given, "the entry");
  const generation = objectOf(entry["generation"], "generation");
  if (!isCount(generation["store"]) || !isCount(generation["entry"])) throw no("generation");
  const { token, failure } = entry;
  if (token !== undefined) checkToken(objectOf(token, "token"));
  if (failure !== undefined) checkFailure(objectOf(failure, "failure"));
  return given as StoredEntry;
}

type Fields = Record<string, unknown>;

function checkToken(token: Fields): asserts token is Fields & StoredToken {
  if (typeof token["token"] !== "string" || token["token"] === "") throw no("token.token");
  for (const name of ["expiresAt", "acquiredAt"]) if (!isTime(token[name])) throw no(`token.${name}`);
  for (const name of ["refreshAt", "ageMs"])
    if (token[name] !== undefined && !isTime(token[name])) throw no(`token.${name}`);
  checkLogin(token["login"], "token.login");
}

function checkFailure(failure: Fields): asserts failure is Fields & StoredFailure {
  if (!isTime(failure["failedAt"])) throw no("failure.failedAt");
  for (const name of ["name", "message"]) if (typeof failure[name] !== "string") throw no(`failure.${name}`);
  checkLogin(failure["login"], "failure.login");
}

function checkLogin(given: unknown, name: string): asserts given is StoredLogin {
  const login = objectOf(given, name);
  if (typeof login["account"] !== "string" || typeof login["session"] !== "string") throw no(name);
}

function objectOf(value: unknown, name: string): Fields {
  if (typeof value !== "object" || value === null) throw no(name);
  return value as Fields;
}

function isTime(value: unknown): boolean {
  return Number.isFinite(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function no(name: string): TypeError {
  return new TypeError(`the store's load() gave no StoredEntry: look at ${name}`);
}
