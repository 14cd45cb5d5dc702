// A module hook for the thread in which an older Node runs those of others.
import { type Loaded, loadedWithAddition } from "./source.ts";

type NextLoad = (url: string, context: unknown) => Promise<Loaded>;

/** Adds to a main file of @azure/identity. */
export async function load(url: string, context: unknown, nextLoad: NextLoad): Promise<Loaded> {
  return loadedWithAddition(url, await nextLoad(url, context));
}
