/**
 * The sealed bundle and the notice, as a server publishes them: one compact JWS, a line feed, the bundle's bytes; and a
 * compact JWS that says which revision is the newest one. Both are signed with Ed25519 by keys that the holder pins.
 */

import { BundleError, type BundleErrorCode } from "../errors.js";
import type { ModuleInput } from "../engine/module.js";
import { hex } from "../jose/base64url.js";
import { type Jws, MAX_JWS_CHARACTERS, readJws, sha256, verifies } from "../jose/jws.js";
import type { KeySet } from "../jose/keys.js";

/** What a bundle is expected to be; what is left out is not compared. */
export interface Expected {
  /** Whoever signs: `iss`. */
  readonly issuer?: string;
  /** AM's path of the realm, such as `/` or `/alpha`. */
  readonly realm?: string;
  /** The bundle's name. */
  readonly name?: string;
}

/** What is signed about a bundle. */
export interface Seal {
  readonly issuer: string;
  readonly realm: string;
  readonly name: string;
  readonly revision: number;
  /** SHA-256 of the content, in hex, as the bundle itself says it. */
  readonly digest: string;
  /** When it was signed: epoch milliseconds. */
  readonly issuedAt: number;
  /** Seconds after which a holder that has heard nothing newer must deny. */
  readonly maxAge: number;
}

/** What a server says about the newest bundle. */
export interface Notice {
  readonly issuer: string;
  readonly realm: string;
  readonly name: string;
  readonly revision: number;
  /** When it was said: epoch milliseconds. */
  readonly instant: number;
}

const LINE_FEED = 10;

/** Whether bytes begin as a sealed bundle: a bare one begins with its magic. */
export function isSealed(bytes: Uint8Array): boolean {
  return bytes[0] === 0x65 && bytes[1] === 0x79;
}

/**
 * Opens a sealed bundle: the signature first, then the digest of what follows, then whether it is the expected one.
 *
 * @throws BundleError
 */
export async function openSealed(
  bytes: Uint8Array,
  keys: KeySet,
  expected: Expected,
  module?: ModuleInput,
): Promise<{ readonly seal: Seal; readonly content: Uint8Array }> {
  const end = bytes.subarray(0, MAX_JWS_CHARACTERS + 1).indexOf(LINE_FEED);
  if (end < 0) throw new BundleError("badSeal", "this is no sealed bundle: it does not begin with a signed line");
  const payload = await believed(String.fromCharCode(...bytes.subarray(0, end)), "assize-bundle+jwt", keys, module);
  const content = bytes.subarray(end + 1);
  const seal: Seal = {
    issuer: text(payload, "iss"),
    realm: text(payload, "realm"),
    name: text(payload, "name"),
    revision: whole(payload, "revision"),
    digest: text(payload, "digest"),
    issuedAt: whole(payload, "issuedAt"),
    maxAge: whole(payload, "maxAge"),
  };
  if (hex(await sha256(content, module)) !== text(payload, "bytes_sha256")) {
    throw new BundleError("badDigest", "the bundle's bytes are not the ones that were signed");
  }
  compare(seal, expected);
  return { seal, content };
}

/**
 * Reads a notice.
 *
 * @throws BundleError
 */
export async function readNotice(
  jws: string,
  keys: KeySet,
  expected: Expected,
  module?: ModuleInput,
): Promise<Notice> {
  const payload = await believed(jws.trim(), "assize-notice+jwt", keys, module);
  const notice: Notice = {
    issuer: text(payload, "iss"),
    realm: text(payload, "realm"),
    name: text(payload, "name"),
    revision: whole(payload, "revision"),
    instant: whole(payload, "instant"),
  };
  compare(notice, expected);
  return notice;
}

/** The payload of a JWS of the right type under a known key. */
async function believed(
  text: string,
  type: string,
  keys: KeySet,
  module: ModuleInput | undefined,
): Promise<Jws["payload"]> {
  const jws = readJws(text);
  if (jws === undefined) throw refused("badSeal", "the signed line is no compact JWS");
  // A notice is no bundle's seal, nor the other way round, though the same key signs both (RFC 8725 §3.11).
  if (jws.header["typ"] !== type) throw refused("badSeal", `the signed line is not of the type ${type}`);
  const kid = jws.header["kid"];
  if (typeof kid !== "string") throw refused("badSeal", "the signed line names no key");
  const key = await keys.find(kid);
  if (key === undefined) throw refused("badSignature", `the key ${kid} is none of the pinned ones`);
  if (!(await verifies(jws, key, ["EdDSA"], module))) throw refused("badSignature", "the signature does not hold");
  return jws.payload;
}

function compare(found: { readonly issuer: string; readonly realm: string; readonly name: string }, expected: Expected): void {
  for (const member of ["issuer", "realm", "name"] as const) {
    const wanted = expected[member];
    if (wanted !== undefined && found[member] !== wanted) {
      throw refused("wrongBundle", `its ${member} is ${found[member]}, not ${wanted}`);
    }
  }
}

function text(payload: Jws["payload"], member: string): string {
  const value = payload[member];
  if (typeof value !== "string") throw refused("badSeal", `the signed member ${member} is no text`);
  return value;
}

function whole(payload: Jws["payload"], member: string): number {
  const value = payload[member];
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw refused("badSeal", `the signed member ${member} is no whole number`);
  }
  return value as number;
}

function refused(code: BundleErrorCode, message: string): BundleError {
  return new BundleError(code, message);
}
