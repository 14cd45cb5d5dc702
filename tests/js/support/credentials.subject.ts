// A program that uses the credentials of the support table: told by its parent which one, and how, it answers with what came.
import { createHash } from "node:crypto";
import type { AccessToken, TokenCredential } from "@azure/core-auth";
import { type TokenStore, withTokenCache } from "azure-token-cache";
import { persistentStore } from "azure-token-cache/node";
import { identity } from "../../stand/identity.ts";
import { crowd, type Given, type Row, rows, titleOf } from "./rows.ts";

/** What is asked of the program. */
export interface Order {
  readonly row: string;
  readonly given: Given;
  readonly scope: string;
  readonly deed:
    | "call"
    | "crowd"
    | "crowd with a cache"
    | "call again"
    | "fetch for a store"
    | "call with a store"
    | "wrap with a store";
  readonly partition?: string;
}

/** What calls brought: digests of tokens, names of errors. */
export interface Answer {
  readonly tokens: readonly string[];
  readonly errors: readonly { readonly name: string; readonly option?: string }[];
}

/** The wrapper of the last crowd. */
let cached: TokenCredential | undefined;

process.on("message", async (order: Order) => {
  const row = rows.find((each) => titleOf(each) === order.row);
  process.send?.(row && (await within(row.variables?.(order.given) ?? {}, () => obey(row, order))));
});

async function obey(row: Row, { deed, given, scope, partition }: Order): Promise<Answer> {
  const make = () => row.create(identity, given);
  switch (deed) {
    case "call":
      return answers([make().getToken(scope)]);
    case "crowd":
      return crowdOn(make(), scope);
    case "crowd with a cache":
      cached = withTokenCache(make());
      return crowdOn(cached, scope);
    case "call again":
      return answers([cached?.getToken(scope)]);
    case "fetch for a store":
      return fetchForStore(make(), scope, partition);
    case "call with a store":
      return answers([callWithStore(make(), scope, partition, persistentStore())]);
    case "wrap with a store":
      return answers([wrapWithStore(make())]);
  }
}

async function wrapWithStore(credential: TokenCredential): Promise<null> {
  withTokenCache(credential, { store: persistentStore() });
  return null;
}

function crowdOn(credential: TokenCredential, scope: string): Promise<Answer> {
  return answers(Array.from({ length: crowd }, () => credential.getToken(scope)));
}

async function callWithStore(
  credential: TokenCredential,
  scope: string,
  partition: string | undefined,
  store: TokenStore,
): Promise<AccessToken | null> {
  const options = partition === undefined ? { store } : { store, partition };
  return withTokenCache(credential, options).getToken(scope);
}

/** Ends when the token is kept, which callers do not wait for. */
async function fetchForStore(
  credential: TokenCredential,
  scope: string,
  partition: string | undefined,
): Promise<Answer> {
  const store = persistentStore();
  const save = store.save.bind(store);
  const kept = new Promise((resolve) => {
    store.save = (...given) => {
      const saving = save(...given);
      resolve(saving);
      return saving;
    };
  });
  const answer = await answers([callWithStore(credential, scope, partition, store)]);
  if (answer.errors.length === 0) await kept;
  return answer;
}

async function answers(calls: readonly (Promise<AccessToken | null> | undefined)[]): Promise<Answer> {
  const settled = await Promise.allSettled(calls);
  return {
    tokens: settled.flatMap((each) =>
      each.status === "fulfilled" && each.value ? [digest(each.value)] : [],
    ),
    errors: settled.flatMap((each) => (each.status === "rejected" ? [told(each.reason)] : [])),
  };
}

function digest({ token }: AccessToken): string {
  return createHash("sha256").update(token).digest("hex").slice(0, 16);
}

function told(error: unknown): Answer["errors"][number] {
  const { name, option } = error as { name: string; option?: string };
  return option === undefined ? { name } : { name, option };
}

async function within<T>(variables: Readonly<Record<string, string>>, run: () => Promise<T>): Promise<T> {
  Object.assign(process.env, variables);
  try {
    return await run();
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name];
  }
}
