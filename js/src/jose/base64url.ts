/** base64url without padding (RFC 7515 §2), and UTF-8. */

const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();

/** Decodes; `undefined` for what is not base64url without padding. */
export function decode(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) return undefined;
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** Decodes to a JSON object; `undefined` for anything else. */
export function decodeObject(text: string): { [member: string]: unknown } | undefined {
  const bytes = decode(text);
  if (bytes === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(DECODER.decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as { [member: string]: unknown })
      : undefined;
  } catch {
    return undefined;
  }
}

/** The bytes of a text. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return ENCODER.encode(text) as Uint8Array<ArrayBuffer>;
}

/** base64 with padding (RFC 4648 §4) of a text's UTF-8, as WWW-Authenticate carries advices. */
export function base64(text: string): string {
  return btoa(String.fromCharCode(...utf8(text)));
}

/** Bytes in lower-case hex. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
