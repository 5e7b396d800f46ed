// An issuer of JWTs, made with Node's own cryptography.

import { createHmac, generateKeyPairSync, sign } from "node:crypto";

const b64 = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

const KINDS = {
  RS256: { make: () => generateKeyPairSync("rsa", { modulusLength: 2048 }), hash: "sha256" },
  PS256: { make: () => generateKeyPairSync("rsa", { modulusLength: 2048 }), hash: "sha256", options: { padding: 6, saltLength: 32 } },
  ES256: { make: () => generateKeyPairSync("ec", { namedCurve: "P-256" }), hash: "sha256", options: { dsaEncoding: "ieee-p1363" } },
  ES384: { make: () => generateKeyPairSync("ec", { namedCurve: "P-384" }), hash: "sha384", options: { dsaEncoding: "ieee-p1363" } },
  EdDSA: { make: () => generateKeyPairSync("ed25519"), hash: null },
};

export class Issuer {
  constructor(issuer = "https://issuer.example.com", algorithm = "ES256", kid = "k1") {
    const { publicKey, privateKey } = KINDS[algorithm].make();
    Object.assign(this, { issuer, algorithm, kid, privateKey, jwk: { ...publicKey.export({ format: "jwk" }), kid, use: "sig" } });
  }

  get jwks() {
    return { keys: [this.jwk] };
  }

  /** A token for ann at the audience `shop`, unless told otherwise; `undefined` takes a claim out. */
  token(claims = {}, header = {}, now = Date.now()) {
    const seconds = Math.floor(now / 1000);
    const payload = { iss: this.issuer, sub: "ann", aud: "shop", exp: seconds + 300, ...claims };
    const signed = `${b64({ alg: this.algorithm, typ: "JWT", kid: this.kid, ...header })}.${b64(payload)}`;
    const { hash, options } = KINDS[this.algorithm];
    return `${signed}.${sign(hash, Buffer.from(signed), { key: this.privateKey, ...options }).toString("base64url")}`;
  }

  /** The old trick: the public key used as a secret of HMAC. */
  confused() {
    const signed = `${b64({ alg: "HS256", typ: "JWT", kid: this.kid })}.${b64({ iss: this.issuer, sub: "ann", aud: "shop", exp: 2e9 })}`;
    return `${signed}.${createHmac("sha256", JSON.stringify(this.jwk)).update(signed).digest("base64url")}`;
  }

  /** The other one: no signature at all. */
  unsigned() {
    return `${b64({ alg: "none", typ: "JWT", kid: this.kid })}.${b64({ iss: this.issuer, sub: "ann", aud: "shop", exp: 2e9 })}.`;
  }
}
