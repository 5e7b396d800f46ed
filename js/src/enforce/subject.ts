/** Whom a request speaks for: a verified JWT, or a session that its server vouches for. */

import type { Authorize } from "../client/publication.js";
import { OptionsError, RemoteError, TokenError } from "../errors.js";
import { ALGORITHMS, readJws, verifies } from "../jose/jws.js";
import { type JsonWebKeySet, type KeySet, keySet, remoteKeySet, unknownKey } from "../jose/keys.js";
import type { Claims, Credential, Subject } from "../request.js";
import { cookie, type Incoming } from "./incoming.js";

/** Who asks, as decisions and logs need it. */
export interface Caller {
  /** A name for logs: `sub`, or a universal id. Never a token. */
  readonly id: string;
  readonly subject: Subject;
  /** For questions that go to a server. */
  readonly credential: Credential;
}

/** Finds out who asks. `undefined`: the request carries no proof at all. Throws a `TokenError` for a proof that is not believed. */
export type SubjectSource = (request: Incoming) => Promise<Caller | undefined>;

/** Where a token is found in a request; `undefined` where there is none. */
export type TokenPlace = { readonly cookie: string } | { readonly header: string } | ((request: Incoming) => string | undefined);

/** What a JWT must be. */
export interface JwtOptions {
  /** `iss`, exactly. */
  readonly issuer: string;
  /** One of these must be (in) `aud`. */
  readonly audience: string | readonly string[];
  /** The issuer's keys: a set, a key set, or the URL of its JWKS. */
  readonly keys: JsonWebKeySet | KeySet | string | URL;
  /** The signature algorithms that are accepted; RS256, PS256, ES256 and EdDSA unless told. */
  readonly algorithms?: readonly string[];
  /** Where the token is; `Authorization: Bearer` unless told. */
  readonly from?: TokenPlace;
  /** Seconds that clocks may differ by; 30 unless told. */
  readonly leeway?: number;
  /** The facts for the engine; the claims, unless told. */
  readonly subject?: (claims: Claims) => Subject;
  readonly clock?: () => number;
  readonly fetch?: typeof fetch;
}

/** The subject of a signed JWT (RFC 7519), verified as RFC 8725 asks: known issuer, known audience, known algorithm, a key of the issuer. */
export function jwtSubject(options: JwtOptions): SubjectSource {
  const { algorithms = ["RS256", "PS256", "ES256", "EdDSA"], clock = Date.now, leeway = 30 } = options;
  const unknown = algorithms.filter((algorithm) => !ALGORITHMS.includes(algorithm));
  if (unknown.length > 0) throw new OptionsError(`no such signature algorithm: ${unknown.join(", ")}`);
  const keys =
    typeof options.keys === "string" || options.keys instanceof URL
      ? remoteKeySet(options.keys, { clock, ...(options.fetch === undefined ? {} : { fetch: options.fetch }) })
      : keySet(options.keys);
  const audiences = [options.audience].flat();
  if (options.issuer === "" || audiences.length === 0) throw new OptionsError("a JWT needs an issuer and an audience to be held against");

  return async (request) => {
    const token = find(request, options.from);
    if (token === undefined) return undefined;
    const jws = readJws(token);
    if (jws === undefined) throw new TokenError("badToken", "the token is no signed JWT");
    const { typ, kid } = jws.header;
    if (typ !== undefined && !/^(application\/)?(at\+)?jwt$/i.test(String(typ))) {
      throw new TokenError("badToken", `a token of the type ${String(typ)} is not meant for this`);
    }
    const named = typeof kid === "string" ? kid : undefined;
    const key = await keys.find(named);
    if (key === undefined) throw unknownKey(named);
    if (!(await verifies(jws, key, algorithms))) throw new TokenError("badTokenSignature", "the token's signature does not hold");
    const claims = jws.payload as Claims;
    checkClaims(claims, options.issuer, audiences, clock() / 1000, leeway);
    return {
      id: typeof claims["sub"] === "string" ? claims["sub"] : "",
      subject: options.subject?.(claims) ?? { claims },
      credential: { jwt: token },
    };
  };
}

function checkClaims(claims: Claims, issuer: string, audiences: readonly string[], now: number, leeway: number): void {
  if (claims["iss"] !== issuer) throw new TokenError("wrongIssuer", "the token is of another issuer");
  const aud = [claims["aud"] ?? []].flat();
  if (!aud.some((audience) => typeof audience === "string" && audiences.includes(audience))) {
    throw new TokenError("wrongAudience", "the token is meant for somebody else");
  }
  const { exp, nbf } = claims;
  // A token without an end would be believed for ever.
  if (typeof exp !== "number" || now >= exp + leeway) throw new TokenError("expiredToken", "the token has expired");
  if (nbf !== undefined && (typeof nbf !== "number" || now < nbf - leeway)) {
    throw new TokenError("tokenNotYetValid", "the token is not valid yet");
  }
}

/** How a session is asked about. */
export interface SessionOptions {
  /** The server's deployment: `https://am.example.com/am`. */
  readonly url: string | URL;
  /** Where the token is; the cookie `iPlanetDirectoryPro` unless told. */
  readonly from?: TokenPlace;
  /** Proof of who asks, where the server wants one; the session itself unless told. */
  readonly authorize?: Authorize;
  /** Milliseconds for which an answer is used again; 5000 unless told. A log-out reaches this enforcement point no later. */
  readonly lifetime?: number;
  readonly timeout?: number;
  readonly clock?: () => number;
  readonly fetch?: typeof fetch;
}

/** Most sessions whose answers are kept. */
const MAX_SESSIONS = 10_000;

/**
 * The subject of a session, whose server is asked whether it lives and whose it is. Its other facts (level, properties,
 * groups) stay there: give the `PolicyClient` a `remote`, so that the server decides about sessions.
 */
export function sessionSubject(options: SessionOptions): SubjectSource {
  const { clock = Date.now, lifetime = 5_000, timeout = 5_000 } = options;
  const fetcher = options.fetch ?? ((input, init) => fetch(input, init));
  const url = `${String(options.url).replace(/\/$/, "")}/json/sessions/?_action=getSessionInfo`;
  const known = new Map<string, { readonly until: number; readonly caller: Caller | undefined }>();

  return async (request) => {
    const token = find(request, options.from ?? { cookie: "iPlanetDirectoryPro" });
    if (token === undefined) return undefined;
    const now = clock();
    let entry = known.get(token);
    if (entry === undefined || entry.until <= now) {
      known.delete(token);
      entry = { until: now + lifetime, caller: await info(token) };
      // The oldest go first: insertion order is age.
      for (const oldest of known.keys()) {
        if (known.size < MAX_SESSIONS) break;
        known.delete(oldest);
      }
      known.set(token, entry);
    }
    if (entry.caller === undefined) throw new TokenError("deadSession", "the session has ended");
    return entry.caller;
  };

  async function info(token: string): Promise<Caller | undefined> {
    let response: Response;
    try {
      const headers = new Headers(await options.authorize?.(false));
      if (options.authorize === undefined) headers.set("iPlanetDirectoryPro", token);
      headers.set("content-type", "application/json");
      headers.set("accept-api-version", "resource=4.0");
      const body = JSON.stringify({ tokenId: token });
      response = await fetcher(url, { method: "POST", headers, body, signal: AbortSignal.timeout(timeout) });
    } catch (cause) {
      throw new RemoteError("unreachable", `${url} does not answer`, { cause });
    }
    const answer = (await response.json().catch(() => ({}))) as { universalId?: unknown; username?: unknown };
    if (response.status === 401 || (response.ok && typeof answer.universalId !== "string")) return undefined;
    if (!response.ok) throw new RemoteError("refused", `${url} answers ${response.status}`, { status: response.status });
    const id = answer.universalId as string;
    return { id, subject: { principals: [id] }, credential: { ssoToken: token } };
  }
}

/** Whoever the first source that finds a proof finds. */
export function anyOf(...sources: readonly SubjectSource[]): SubjectSource {
  return async (request) => {
    for (const source of sources) {
      const caller = await source(request);
      if (caller !== undefined) return caller;
    }
    return undefined;
  };
}

function find(request: Incoming, place: TokenPlace | undefined): string | undefined {
  if (typeof place === "function") return place(request);
  if (place !== undefined && "cookie" in place) return nonEmpty(cookie(request, place.cookie));
  if (place !== undefined) return nonEmpty(request.header(place.header.toLowerCase()));
  return /^Bearer +(\S+) *$/i.exec(request.header("authorization") ?? "")?.[1];
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
