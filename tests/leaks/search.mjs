// The search for tokens in what the tests printed: every test token carries a mark, and no output may, in any common form.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** How every token begins that a test makes up. */
export const canaryMark = "CANARY-";

/** A token that a test makes up. */
export function fakeToken(name) {
  return `${canaryMark}${name}`;
}

/** What `fakeToken` was given; of what is no such token, the whole. */
export function fakeNameOf(token) {
  return token?.startsWith(canaryMark) ? token.slice(canaryMark.length) : token;
}

/** How every token of the Entra ID stand-in begins: its header, which is always the same. */
export const standMark = Buffer.from('{"typ":"JWT","alg":"RS256","x5t":"stand-key-1"')
  .toString("base64url")
  .slice(0, 60);

/** The marks in every form that is searched for. */
const forms = [canaryMark, standMark].flatMap((mark) => formsOf(mark).map((form) => ({ mark, ...form })));

/** What stands in `bytes` that begins a token: for each form its name and where it was found. */
export function findLeaks(bytes) {
  return forms.flatMap(({ mark, name, needle }) => {
    const at = bytes.indexOf(needle);
    return at < 0 ? [] : [{ mark, name, at }];
  });
}

/** The same over a folder: the contents of every file, and every name. */
export function findLeaksIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const file = join(entry.parentPath, entry.name);
    const inName = findLeaks(Buffer.from(relative(folder, file))).map((leak) => ({
      ...leak,
      name: `${leak.name}, in a name`,
    }));
    const inside = entry.isFile() ? findLeaks(readFileSync(file)) : [];
    return [...inName, ...inside].map((leak) => ({ file, ...leak }));
  });
}

/** Throws where `text` holds a token; `what` says whose text it is. */
export function assertNoToken(text, what) {
  const [leak] = findLeaks(Buffer.from(text));
  if (leak !== undefined) throw new Error(`a token (${leak.name}) at byte ${leak.at} of ${what}`);
}

function formsOf(mark) {
  return [
    { name: "plain", needle: Buffer.from(mark) },
    { name: "UTF-16LE", needle: Buffer.from(mark, "utf16le") },
    { name: "UTF-16BE", needle: Buffer.from(mark, "utf16le").swap16() },
    { name: "UTF-16, escaped", needle: Buffer.from([...mark].join("\\x00")) },
    ...[0, 1, 2].map((offset) => ({ name: `base64 at offset ${offset}`, needle: base64At(mark, offset) })),
  ];
}

/** The characters of a base64 text that `mark` alone decides, when it begins `offset` bytes into a group of three. */
function base64At(mark, offset) {
  const text = Buffer.from("\0".repeat(offset) + mark).toString("base64");
  const whole = Math.floor(((offset + mark.length) * 8) / 6);
  return Buffer.from(text.slice(Math.ceil((offset * 8) / 6), whole));
}
