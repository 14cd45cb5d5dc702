// Knows the main file of a copy of @azure/identity, and adds the line to it that hands over the copy's exports.

/** Source as Node has it. */
type Source = string | ArrayBuffer | NodeJS.TypedArray;

/** What a module hook answers for a file. */
export interface Loaded {
  source?: Source | null | undefined;
}

/** Where, on `globalThis`, the exports of each copy are handed over. */
export const receiverName = "azure-token-cache.loaded";

/** From here on the kinds of credentials are known. */
const oldest = { major: 4, minor: 13 };

/** Below the package's folder. The package of a file is read only where this fits. */
const mainFile = /[\\/]dist[\\/](esm|commonjs)[\\/]index\.js(?:[?#].*)?$/;

const handOver = (copy: string) => `globalThis[Symbol.for("${receiverName}")]?.(${copy});\n`;

/** Each on lines of its own at the end, so that the lines before it keep their numbers. */
const additions = {
  // A module cannot name all of its exports but by an import of itself.
  esm: `\nimport * as azureTokenCacheCopy from "./index.js";${handOver("azureTokenCacheCopy")}`,
  commonjs: `\n${handOver("module.exports")}`,
};

/** The source of a file, given by path or URL, with what is to be added to it, once. */
export function withAddition<Given extends Source>(file: string, source: Given): Given | string {
  const addition = additionTo(file);
  if (addition === undefined) return source;
  const text = typeof source === "string" ? source : new TextDecoder().decode(source);
  return text.endsWith(addition) ? source : text + addition;
}

/** The same for the answer of a module hook. */
export function loadedWithAddition(url: string, loaded: Loaded): Loaded {
  const source = loaded.source && withAddition(url, loaded.source);
  return source === loaded.source ? loaded : { ...loaded, source };
}

function additionTo(file: string): string | undefined {
  const match = mainFile.exec(file);
  if (match === null || !isIdentity(file.slice(0, match.index))) return undefined;
  return match[1] === "esm" ? additions.esm : additions.commonjs;
}

/** By what the package says of itself: its folder may have any name. */
function isIdentity(folder: string): boolean {
  try {
    const { fileURLToPath } = process.getBuiltinModule("node:url");
    const path = folder.startsWith("file:") ? fileURLToPath(folder) : folder;
    const text = process.getBuiltinModule("node:fs").readFileSync(`${path}/package.json`, "utf8");
    const { name, version } = JSON.parse(text) as { name?: unknown; version?: unknown };
    return name === "@azure/identity" && isRecent(String(version));
  } catch {
    return false;
  }
}

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > oldest.major || (major === oldest.major && minor >= oldest.minor);
}
