// A certificate authority that lives as long as the stand, and the leaf certificate it signs for loopback.

import { randomBytes, webcrypto } from "node:crypto";
// Its dependency injection wants the polyfill loaded first.
import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

export interface LoopbackCertificate {
  /** PEM of the authority, for NODE_EXTRA_CA_CERTS, REQUESTS_CA_BUNDLE and `tlsOptions.ca`. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const serverAuthentication = "1.3.6.1.5.5.7.3.1";
const dayMs = 24 * 3600 * 1000;

/** A fresh authority and a leaf for `localhost` and `127.0.0.1`, each valid for two days. */
export async function createLoopbackCertificate(): Promise<LoopbackCertificate> {
  const authorityKeys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const leafKeys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const validity = { notBefore: new Date(Date.now() - dayMs), notAfter: new Date(Date.now() + dayMs) };

  const authority = await X509CertificateGenerator.createSelfSigned({
    ...validity,
    serialNumber: serialNumber(),
    name: "CN=azure-token-cache test authority",
    keys: authorityKeys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(authorityKeys.publicKey),
    ],
  });
  const leaf = await X509CertificateGenerator.create({
    ...validity,
    serialNumber: serialNumber(),
    subject: "CN=localhost",
    issuer: authority.subject,
    publicKey: leafKeys.publicKey,
    signingKey: authorityKeys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([serverAuthentication]),
      new SubjectAlternativeNameExtension([
        { type: "dns", value: "localhost" },
        { type: "ip", value: "127.0.0.1" },
      ]),
      await AuthorityKeyIdentifierExtension.create(authorityKeys.publicKey),
    ],
  });
  const key = await webcrypto.subtle.exportKey("pkcs8", leafKeys.privateKey);
  return {
    ca: authority.toString("pem"),
    cert: leaf.toString("pem"),
    key: PemConverter.encode(key, "PRIVATE KEY"),
  };
}

/** A fresh key and its certificate in one PEM text, as an application registers it: RSA, which Entra ID asks for. */
export async function createApplicationCertificate(name: string): Promise<string> {
  const rsa = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048 };
  const publicExponent = new Uint8Array([1, 0, 1]);
  const keys = await webcrypto.subtle.generateKey({ ...rsa, publicExponent }, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + dayMs),
    serialNumber: serialNumber(),
    name: `CN=${name}`,
    keys,
    signingAlgorithm: rsa,
  });
  const key = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return `${PemConverter.encode(key, "PRIVATE KEY")}\n${certificate.toString("pem")}\n`;
}

function serialNumber(): string {
  // A leading 01 keeps the number positive and its length fixed in DER.
  return `01${randomBytes(15).toString("hex")}`;
}
