// Reads what @azure/identity keeps in a closure: the client id and the authority of a credential's MSAL client.
//
// They are in no field. Node's inspector sees the variables of a function that an object has, within this process: it opens
// no port, and nothing else of the program is looked at. Names of variables do not survive minifiers, names of properties do.
import type { Runtime, Session } from "node:inspector";
import { isObject } from "../fields.ts";

/** What an MSAL client was made for. */
export interface Application {
  readonly clientId: string;
  readonly authority: string;
}

/** `undefined` where this runtime does not let a program look into itself, or where there is no such client. */
export function applicationOf(msalClient: unknown): Application | undefined {
  return looking((look) => {
    for (const closure of functionsOf(msalClient))
      for (const variable of look.variablesOf(closure)) {
        const found = look.ask(variable, readApplication) as Partial<Application> | undefined;
        if (typeof found?.clientId === "string" && typeof found.authority === "string")
          return { clientId: found.clientId, authority: found.authority };
      }
    return undefined;
  });
}

/** The first of the arguments that a function was bound to, where it is a text. */
export function firstBoundTextOf(bound: unknown): string | undefined {
  return looking((look) => {
    const found = typeof bound === "function" ? look.firstBoundArgument(bound) : undefined;
    return typeof found === "string" ? found : undefined;
  });
}

/** Run in the debugger's view of an object that is the closure's variable. */
const readApplication = `function () {
  const auth = this.msalConfig?.auth;
  return auth && { clientId: auth.clientId, authority: auth.authority };
}`;

/** The innermost scopes: beyond them are those of whole modules. */
const scopesLookedAt = 2;

/** The first one tells, unless somebody put another one in its place. */
function functionsOf(object: unknown): object[] {
  if (!isObject(object)) return [];
  return Object.values(object).filter((value): value is object => typeof value === "function");
}

/** What `work` finds; `undefined` where it may not look (`--permission`, a runtime without an inspector). */
function looking<T>(work: (look: Look) => T | undefined): T | undefined {
  try {
    // Loaded where it is needed: it costs a program a millisecond.
    const inspector = process.getBuiltinModule("node:inspector");
    const session = new inspector.Session();
    session.connect();
    try {
      return work(new Look(session));
    } finally {
      session.disconnect();
    }
  } catch {
    return undefined;
  }
}

/** Where the debugger finds an object that this program has: for the time of one question. */
const handle = Symbol.for("azure-token-cache.looked-at");

class Look {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** The objects among the variables that a function sees beyond its own, the nearest first. */
  *variablesOf(closure: object): Generator<string> {
    const scopes = this.#internal(closure, "[[Scopes]]");
    if (scopes === undefined) return;
    for (const scope of this.#properties(scopes).slice(0, scopesLookedAt)) {
      const { objectId } = scope.value ?? {};
      if (objectId === undefined) continue;
      for (const { value } of this.#properties(objectId))
        if (value?.type === "object" && value.objectId !== undefined) yield value.objectId;
    }
  }

  firstBoundArgument(bound: object): unknown {
    const bindings = this.#internal(bound, "[[BoundArgs]]");
    const list = bindings === undefined ? [] : this.#properties(bindings);
    return list.find(({ name }) => name === "0")?.value?.value;
  }

  /** What a function returns that is called on an object. */
  ask(objectId: string, functionDeclaration: string): unknown {
    const parameters = { objectId, functionDeclaration, returnByValue: true, silent: true };
    const { result } = this.#post<Runtime.CallFunctionOnReturnType>("Runtime.callFunctionOn", parameters);
    return result.value;
  }

  #internal(object: object, name: string): string | undefined {
    const parameters = { objectId: this.#idOf(object), ownProperties: true };
    const found = this.#post<Runtime.GetPropertiesReturnType>("Runtime.getProperties", parameters);
    return found.internalProperties?.find((property) => property.name === name)?.value?.objectId;
  }

  #properties(objectId: string): Runtime.PropertyDescriptor[] {
    const parameters = { objectId, ownProperties: true };
    return this.#post<Runtime.GetPropertiesReturnType>("Runtime.getProperties", parameters).result;
  }

  #idOf(object: object): string {
    const everywhere = globalThis as { [handle]?: object };
    Object.defineProperty(everywhere, handle, { value: object, configurable: true });
    try {
      const expression = `globalThis[Symbol.for(${JSON.stringify(handle.description)})]`;
      const { result } = this.#post<Runtime.EvaluateReturnType>("Runtime.evaluate", { expression });
      return result.objectId ?? "";
    } finally {
      delete everywhere[handle];
    }
  }

  /** Within one process the answer is there when `post` returns. */
  #post<Answer>(method: string, parameters: object): Answer {
    let answer: { error: Error | null; result?: object | undefined } | undefined;
    this.#session.post(method, parameters, (error, result) => {
      answer = { error, result };
    });
    if (answer?.result === undefined || answer.error !== null)
      throw answer?.error ?? new Error(`no answer to ${method}`);
    return answer.result as Answer;
  }
}
