// A small stand-in for a publishing server, made with Node's own cryptography: sealed bundles and notices as the server makes
// them (COMMON format: one compact JWS, a line feed, the bundle's bytes), and every fault that a holder must withstand.

import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";

const b64 = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** An Ed25519 key with its RFC 7638 thumbprint as id. */
export function signingKey() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const { crv, kty, x } = publicKey.export({ format: "jwk" });
  const kid = createHash("sha256").update(JSON.stringify({ crv, kty, x })).digest("base64url");
  return { privateKey, kid, jwk: { kty, crv, x, kid, use: "sig", alg: "EdDSA" } };
}

/** A compact JWS under a key. */
export function jws(key, typ, payload, header = {}) {
  const signed = `${b64({ alg: "EdDSA", typ, kid: key.kid, ...header })}.${b64(payload)}`;
  return `${signed}.${sign(null, Buffer.from(signed), key.privateKey).toString("base64url")}`;
}

/** What a bundle says of its own content: hex of its header's digest. */
export async function digestOf(bytes) {
  const { loadBundle } = await import("assize");
  return (await loadBundle(bytes)).digest;
}

/** One published bundle on a server of its own. */
export class Publisher {
  /** @param clock epoch milliseconds, for what is signed */
  constructor({ clock = Date.now, realm = "/", name = "web", maxAge = 60 } = {}) {
    Object.assign(this, { clock, realm, name, maxAge, key: signingKey(), issuer: "https://am.example.com/am" });
    this.requests = [];
    this.streams = new Set();
    this.polls = new Set();
    this.faults = {};
  }

  async publish(bytes, revision) {
    this.bytes = bytes;
    this.revision = revision;
    this.sealed = await this.seal(bytes, revision);
    this.etag = `"${revision}-${sha256(this.sealed).slice(0, 16)}"`;
    this.tell();
  }

  async seal(bytes, revision, { key = this.key, header = {}, ...payload } = {}) {
    const line = jws(
      key,
      "assize-bundle+jwt",
      {
        iss: this.issuer,
        realm: this.realm,
        name: this.name,
        revision,
        digest: await digestOf(bytes),
        bytes_sha256: sha256(bytes),
        issuedAt: this.clock(),
        maxAge: this.maxAge,
        ...payload,
      },
      header,
    );
    return Buffer.concat([Buffer.from(`${line}\n`), bytes]);
  }

  notice({ key = this.key, typ = "assize-notice+jwt", ...payload } = {}) {
    const { issuer: iss, realm, name, revision } = this;
    return jws(key, typ, { iss, realm, name, revision, instant: this.clock(), ...payload });
  }

  /** Sends a notice to everybody who listens. */
  tell(notice = this.notice()) {
    for (const stream of this.streams) stream.write(`event: notice\ndata: ${notice}\n\n`);
    for (const answer of this.polls) answer(notice);
  }

  get keys() {
    return { keys: [this.key.jwk] };
  }

  async listen(port = 0) {
    this.server = createServer((request, response) => this.#answer(request, response));
    await new Promise((resolve) => this.server.listen(port, "127.0.0.1", resolve));
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}/am/json/realms/root/bundles/${this.name}`;
    return this;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #answer(request, response) {
    const url = new URL(request.url, "http://localhost");
    const what = url.pathname.split(`/bundles/${this.name}`)[1];
    this.requests.push({ what, headers: request.headers });
    if (this.faults.status !== undefined) return response.writeHead(this.faults.status).end();
    if (what === "") return this.#bundle(request, response);
    if (what === "/events") return this.#events(response);
    if (what === "/notice") return this.#notice(url.searchParams, response);
    return response.writeHead(404).end();
  }

  #bundle(request, response) {
    if (request.headers["if-none-match"] === this.etag) return response.writeHead(304).end();
    const headers = { "content-type": "application/vnd.assize.bundle", etag: this.etag, "cache-control": "private, no-cache" };
    return response.writeHead(200, headers).end(this.sealed);
  }

  #events(response) {
    if (this.faults.noEvents) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": "text/event-stream" });
    this.streams.add(response);
    response.on("close", () => this.streams.delete(response));
    return response.write(`event: notice\ndata: ${this.notice()}\n\n`);
  }

  #notice(query, response) {
    const now = () => response.writeHead(200, { "content-type": "application/jose" }).end(this.notice());
    if (!query.has("after") || this.revision > Number(query.get("after"))) return now();
    const answer = (notice) => {
      this.polls.delete(answer);
      response.writeHead(200, { "content-type": "application/jose" }).end(notice);
    };
    this.polls.add(answer);
    response.on("close", () => this.polls.delete(answer));
    return undefined;
  }
}
