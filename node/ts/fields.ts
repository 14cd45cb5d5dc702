// Looks at objects of which nobody says what they are. A getter of theirs may throw.

export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Whether the object itself, not its class, has the field. */
export function has(object: object, field: string): boolean {
  return Object.hasOwn(object, field);
}

export function hasMethod(object: object, name: string): boolean {
  return typeof fieldOf(object, name) === "function";
}

export function fieldOf(object: object, name: string): unknown {
  return (object as Record<string, unknown>)[name];
}

/** A text that is not empty. */
export function textOf(object: object, name: string): string | undefined {
  const value = fieldOf(object, name);
  return typeof value === "string" && value !== "" ? value : undefined;
}
