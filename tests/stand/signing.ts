// RS256 tokens: signing them, publishing the key, and reading back the ones that this stand signed.
import { generateKeyPair, type KeyObject, sign, verify } from "node:crypto";
import { promisify } from "node:util";

export type Claims = Readonly<Record<string, unknown>>;

export class Signer {
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;

  private constructor(privateKey: KeyObject, publicKey: KeyObject) {
    this.#privateKey = privateKey;
    this.#publicKey = publicKey;
  }

  static async create(): Promise<Signer> {
    const pair = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
    return new Signer(pair.privateKey, pair.publicKey);
  }

  sign(claims: Claims): string {
    const unsigned = `${encode({ typ: "JWT", alg: "RS256", x5t: keyId, kid: keyId })}.${encode(claims)}`;
    return `${unsigned}.${sign("sha256", Buffer.from(unsigned), this.#privateKey).toString("base64url")}`;
  }

  /** The claims of a token that this key signed and whose time has not passed; undefined for any other string. */
  read(token: string): Claims | undefined {
    const [header, payload, signature, ...rest] = token.split(".");
    if (header === undefined || payload === undefined || signature === undefined || rest.length > 0)
      return undefined;
    const signed = Buffer.from(`${header}.${payload}`);
    if (!verify("sha256", signed, this.#publicKey, Buffer.from(signature, "base64url"))) return undefined;
    const claims = decode(payload);
    return typeof claims["exp"] === "number" && claims["exp"] > Date.now() / 1000 ? claims : undefined;
  }

  keys(): { keys: object[] } {
    const jwk = this.#publicKey.export({ format: "jwk" });
    return { keys: [{ ...jwk, use: "sig", alg: "RS256", kid: keyId, x5t: keyId }] };
  }
}

const keyId = "stand-key-1";

export function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decode(part: string): Claims {
  return JSON.parse(Buffer.from(part, "base64url").toString("utf8")) as Claims;
}
