// Looks at and reads login files over node:fs, for platforms without the addon: the same marks as host's `LoginFiles`.
import type { BigIntStats } from "node:fs";

// Not imported: `package-files.ts` says why.
const { dirname } = process.getBuiltinModule("node:path");
const { closeSync, constants, fstatSync, openSync, readSync, statfsSync, statSync } =
  process.getBuiltinModule("node:fs");

/** A file that holds more, in bytes, counts as unreadable. */
const bound = 16 * 2 ** 20;
/** Files that move while they are read are read this often; past that the next look sees that they moved. */
const tries = 3;

/** Bytes; `undefined` where there is no file, `null` where it cannot be read. */
export type Contents = Uint8Array | undefined | null;

/** What a reading found. Equal marks mean that what they stand for looked the same. */
export interface FilesReading {
  readonly witness: number;
  readonly contents: number;
  readonly secrets: number;
  readonly writtenUnixMs: number;
  readonly remote: boolean;
  readonly found: Contents[];
}

export class LoginFiles {
  readonly #paths: readonly string[];
  readonly #account: Group;
  readonly #secrets: Group;
  #found: Contents[] = [];
  #contents: number;

  /** Marks begin at `first`. */
  constructor(account: readonly string[], secrets: readonly string[], first: number) {
    this.#paths = account;
    this.#account = new Group(account, first);
    this.#secrets = new Group(secrets, first);
    this.#contents = first;
  }

  /** Looks at the account files. */
  witness(): number {
    return this.#account.look();
  }

  /** Reads the account files, and looks at the secret files. */
  read(): FilesReading {
    return {
      witness: this.#readBetweenEqualWitnesses(),
      contents: this.#contents,
      secrets: this.#secrets.look(),
      writtenUnixMs: this.#account.writtenUnixMs(),
      remote: this.#paths.some(isRemote),
      found: this.#found,
    };
  }

  /** What the last looks saw: of the account files, and of the secret files with those account files that `sessions` names. */
  digests(sessions: (index: number) => boolean): { readonly account: string; readonly session: string } {
    const account = this.#account.seen;
    return {
      account: digestOf(account),
      session: digestOf([...this.#secrets.seen, ...account.filter((_, index) => sessions(index))]),
    };
  }

  /** The witness was taken before the contents were read: where they moved meanwhile, the next look sees another one. */
  #readBetweenEqualWitnesses(): number {
    let before = this.#account.look();
    for (let attempt = 1; attempt < tries; attempt++) {
      this.#readContents();
      const after = this.#account.look();
      if (before === after) return before;
      before = after;
    }
    this.#readContents();
    return before;
  }

  #readContents(): void {
    const found = this.#paths.map(contentsOf);
    const changed = found.some((contents, index) => !isEqual(contents, this.#found[index]));
    if (!changed && this.#found.length > 0) return;
    this.#found = found;
    this.#contents += 1;
  }
}

/** Files that are looked at together. */
class Group {
  readonly #paths: readonly string[];
  /** What is at each path. */
  readonly seen: (BigIntStats | string | undefined)[];
  #mark: number;

  constructor(paths: readonly string[], first: number) {
    this.#paths = paths;
    this.seen = paths.map(() => undefined);
    this.#mark = first;
  }

  look(): number {
    let changed = false;
    for (let index = 0; index < this.#paths.length; index++) {
      const seen = see(this.#paths[index] as string);
      if (looksTheSame(seen, this.seen[index])) continue;
      this.seen[index] = seen;
      changed = true;
    }
    if (changed) this.#mark += 1;
    return this.#mark;
  }

  /** The newest time, in milliseconds since the Unix epoch, rounded up. */
  writtenUnixMs(): number {
    const times = this.seen.flatMap((seen) => (typeof seen === "object" ? [seen.mtimeNs, seen.ctimeNs] : []));
    return Math.max(0, ...times.map((nanoseconds) => Number((nanoseconds + 999_999n) / 1_000_000n)));
  }
}

/** Equal ones: files that look the same, none of them written since. */
function digestOf(seen: readonly (BigIntStats | string | undefined)[]): string {
  const marks = seen.map((at) =>
    typeof at === "object" ? [at.dev, at.ino, at.size, at.mtimeNs, at.ctimeNs].map(String) : (at ?? null),
  );
  const { createHash } = process.getBuiltinModule("node:crypto");
  return createHash("sha256").update(JSON.stringify(marks)).digest("hex").slice(0, 16);
}

/** What is there, why nothing can be said, or `undefined`: nothing is there. */
function see(path: string): BigIntStats | string | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    return nothingThere(error) ? undefined : errorCode(error);
  }
}

function looksTheSame(a: BigIntStats | string | undefined, b: BigIntStats | string | undefined): boolean {
  if (typeof a !== "object" || typeof b !== "object") return a === b;
  return (
    a.ctimeNs === b.ctimeNs &&
    a.mtimeNs === b.mtimeNs &&
    a.size === b.size &&
    a.ino === b.ino &&
    a.dev === b.dev
  );
}

function contentsOf(path: string): Contents {
  let file: number;
  try {
    // Without waiting: a pipe in the file's place must not hold the caller up. Windows has neither flag.
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0));
  } catch (error) {
    return nothingThere(error) ? undefined : null;
  }
  try {
    return fstatSync(file).isFile() ? readBounded(file) : null;
  } catch {
    return null;
  } finally {
    closeSync(file);
  }
}

function readBounded(file: number): Uint8Array | null {
  let buffer = Buffer.allocUnsafe(Math.min(fstatSync(file).size, bound) + 1);
  let length = 0;
  for (;;) {
    const read = readSync(file, buffer, length, buffer.length - length, null);
    length += read;
    if (read === 0) return buffer.subarray(0, length);
    if (length > bound) return null;
    if (length === buffer.length) buffer = Buffer.concat([buffer, Buffer.allocUnsafe(buffer.length)]);
  }
}

function isEqual(a: Contents, b: Contents): boolean {
  return a instanceof Uint8Array && b instanceof Uint8Array ? Buffer.compare(a, b) === 0 : a === b;
}

/** AFS, Ceph, CIFS, Coda, FUSE, GPFS, Lustre, NCP, NFS, OCFS2, 9P, SMB, SMB2, vboxsf: the numbers of statfs(2). */
const remoteSystems = new Set([
  0x5346414f, 0x00c36400, 0xff534d42, 0x73757245, 0x65735546, 0x47504653, 0x0bd00bd0, 0x564c, 0x6969,
  0x7461636f, 0x01021997, 0x517b, 0xfe534d42, 0x786f4256,
]);

function isRemote(path: string): boolean {
  if (process.platform === "win32") return !isSystemDrive(path);
  if (process.platform === "darwin") return path.startsWith("/Volumes/") || path.startsWith("/Network/");
  for (let at = path; ; at = dirname(at)) {
    try {
      return remoteSystems.has(statfsSync(at).type >>> 0);
    } catch {
      if (at === dirname(at)) return false;
    }
  }
}

/** Node does not tell a mapped drive from a disk: whatever is not the system's drive is read once a second. */
function isSystemDrive(path: string): boolean {
  const drive = process.env["SystemDrive"] ?? "C:";
  return path.slice(0, drive.length).toLowerCase() === drive.toLowerCase();
}

function nothingThere(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes(errorCode(error));
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}
