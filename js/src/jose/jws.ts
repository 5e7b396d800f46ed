/** Compact JWS (RFC 7515): reading, and verifying by WebCrypto, or by the module where WebCrypto lacks Ed25519. */

import { sharedGlue } from "../engine/engine.js";
import type { ModuleInput } from "../engine/module.js";
import { decode, decodeObject, utf8 } from "./base64url.js";
import type { PublicJwk } from "./keys.js";

/** A compact JWS, read and not yet believed. */
export interface Jws {
  readonly header: { readonly [member: string]: unknown };
  readonly payload: { readonly [member: string]: unknown };
  readonly signature: Uint8Array<ArrayBuffer>;
  /** What the signature is over. */
  readonly signed: Uint8Array<ArrayBuffer>;
}

/** Longest compact JWS that is read. */
export const MAX_JWS_CHARACTERS = 64 << 10;

/** Reads a compact JWS with JSON objects for header and payload; `undefined` for anything else. */
export function readJws(text: string): Jws | undefined {
  if (text.length > MAX_JWS_CHARACTERS) return undefined;
  const parts = text.split(".");
  const [head, body, tail] = parts;
  if (parts.length !== 3 || head === undefined || body === undefined || tail === undefined) return undefined;
  const [header, payload, signature] = [decodeObject(head), decodeObject(body), decode(tail)];
  // A critical extension that is not understood must not be passed over (RFC 7515 §4.1.11).
  if (header === undefined || payload === undefined || signature === undefined || "crit" in header) return undefined;
  return { header, payload, signature, signed: utf8(`${head}.${body}`) };
}

/** What WebCrypto has to be told for an algorithm (RFC 7518 §3.1, RFC 8037 §3.1). */
interface Scheme {
  readonly kty: "RSA" | "EC" | "OKP";
  readonly crv?: string;
  readonly key: RsaHashedImportParams | EcKeyImportParams | AlgorithmIdentifier;
  readonly use: AlgorithmIdentifier | RsaPssParams | EcdsaParams;
}

const SCHEMES: ReadonlyMap<string, Scheme> = new Map(
  ["256", "384", "512"].flatMap((bits): [string, Scheme][] => {
    const hash = `SHA-${bits}`;
    const [pkcs, pss] = ["RSASSA-PKCS1-v1_5", "RSA-PSS"];
    const curve = bits === "512" ? "P-521" : `P-${bits}`;
    return [
      [`RS${bits}`, { kty: "RSA", key: { name: pkcs, hash }, use: { name: pkcs } }],
      [`PS${bits}`, { kty: "RSA", key: { name: pss, hash }, use: { name: pss, saltLength: Number(bits) / 8 } }],
      [`ES${bits}`, { kty: "EC", crv: curve, key: { name: "ECDSA", namedCurve: curve }, use: { name: "ECDSA", hash } }],
    ];
  }),
);
const ED25519: Scheme = { kty: "OKP", crv: "Ed25519", key: { name: "Ed25519" }, use: { name: "Ed25519" } };

/** The algorithms that can be verified. None is symmetric, and `none` is none of them. */
export const ALGORITHMS: readonly string[] = [...SCHEMES.keys(), "EdDSA", "Ed25519"];

function schemeOf(algorithm: string): Scheme | undefined {
  return algorithm === "EdDSA" || algorithm === "Ed25519" ? ED25519 : SCHEMES.get(algorithm);
}

/**
 * Whether a signature holds. The algorithm must be one of those allowed and fit the key: a header chooses between what its
 * verifier offers, and nothing more.
 */
export async function verifies(
  jws: Jws,
  key: PublicJwk,
  allowed: readonly string[],
  module?: ModuleInput,
): Promise<boolean> {
  const algorithm = jws.header["alg"];
  if (typeof algorithm !== "string" || !allowed.includes(algorithm)) return false;
  const scheme = schemeOf(algorithm);
  if (scheme === undefined || key.kty !== scheme.kty || (scheme.crv !== undefined && key.crv !== scheme.crv)) return false;
  if (key.alg !== undefined && schemeOf(key.alg) !== scheme) return false;
  const byWebCrypto = await verifyByWebCrypto(jws, key, scheme);
  if (byWebCrypto !== undefined) return byWebCrypto;
  if (scheme !== ED25519) return false;
  return verifyByModule(jws, key, module);
}

/** `undefined` where WebCrypto is missing or lacks the algorithm. */
async function verifyByWebCrypto(jws: Jws, key: PublicJwk, scheme: Scheme): Promise<boolean | undefined> {
  const subtle = globalThis.crypto?.subtle;
  if (subtle === undefined) return undefined;
  // Only what makes the key is handed on: `use`, `alg` and `key_ops` are judged above, not by each runtime in its way.
  const { kty, crv, x, y, n, e } = key;
  const material = Object.fromEntries(Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined));
  let imported: CryptoKey;
  try {
    imported = await subtle.importKey("jwk", material as JsonWebKey, scheme.key, false, ["verify"]);
  } catch (thrown) {
    // Runtimes without Ed25519 say NotSupportedError, or something of their own: the module knows it in any case.
    if (scheme === ED25519) return undefined;
    void thrown;
    return false;
  }
  return subtle.verify(scheme.use, imported, jws.signature, jws.signed);
}

async function verifyByModule(jws: Jws, key: PublicJwk, module: ModuleInput | undefined): Promise<boolean> {
  const point = decode(key.x ?? "");
  if (point === undefined || point.length !== 32 || jws.signature.length !== 64) return false;
  return (await sharedGlue(module)).verifyEd25519(point, jws.signed, jws.signature);
}

/** SHA-256 by WebCrypto, or by the module where there is none. */
export async function sha256(bytes: Uint8Array, module?: ModuleInput): Promise<Uint8Array> {
  const subtle = globalThis.crypto?.subtle;
  if (subtle === undefined) return (await sharedGlue(module)).sha256(bytes);
  return new Uint8Array(await subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}
