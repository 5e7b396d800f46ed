/** A client's own access tokens (RFC 6749 §4.4): fetched when needed, used until shortly before they expire. */

import { RemoteError } from "../errors.js";
import { base64 } from "../jose/base64url.js";
import { type Authorize, bearer } from "./publication.js";

/** What a client proves itself with. */
export interface ClientCredentials {
  /** The server's token endpoint: `https://am.example.com/connect/token`. */
  readonly tokenUrl: string | URL;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Fewer scopes than the client may have. */
  readonly scope?: string;
  readonly fetch?: typeof fetch;
  readonly clock?: () => number;
  /** Milliseconds to wait for an answer; 5000 unless told. */
  readonly timeout?: number;
}

/** Milliseconds before its end at which a token is no longer used, or half its life: it must last for the request, too. */
const MARGIN = 30_000;

/** Milliseconds for which a token is used whose answer does not say. */
const UNSAID = 60_000;

/** Proof by a client's id and secret. One token serves all requests; a refused one is replaced. */
export function clientCredentials(options: ClientCredentials): Authorize {
  const { clock = Date.now } = options;
  let held: { readonly token: string; readonly until: number } | undefined;
  let running: Promise<string> | undefined;
  return bearer((refused) => {
    if (held !== undefined && !refused && clock() < held.until) return held.token;
    running ??= request(options)
      .then(({ token, lifetime }) => {
        held = { token, until: clock() + lifetime - Math.min(MARGIN, lifetime / 2) };
        return token;
      })
      .finally(() => (running = undefined));
    return running;
  });
}

async function request(options: ClientCredentials): Promise<{ readonly token: string; readonly lifetime: number }> {
  const url = String(options.tokenUrl);
  const fetcher = options.fetch ?? ((input, init) => fetch(input, init));
  // RFC 6749 §2.3.1: both are form-encoded before they are joined.
  const encoded = (text: string): string => encodeURIComponent(text).replaceAll("%20", "+");
  const basic = base64(`${encoded(options.clientId)}:${encoded(options.clientSecret)}`);
  const form = new URLSearchParams({ grant_type: "client_credentials" });
  if (options.scope !== undefined) form.set("scope", options.scope);
  let response: Response;
  try {
    response = await fetcher(url, {
      method: "POST",
      headers: { authorization: `Basic ${basic}`, accept: "application/json" },
      body: form,
      redirect: "manual",
      signal: AbortSignal.timeout(options.timeout ?? 5_000),
    });
  } catch (cause) {
    throw new RemoteError("unreachable", `${url} does not answer`, { cause });
  }
  const answer = (await response.json().catch(() => ({}))) as { access_token?: unknown; expires_in?: unknown; error?: unknown };
  if (!response.ok || typeof answer.access_token !== "string") {
    const why = typeof answer.error === "string" ? `: ${answer.error}` : "";
    throw new RemoteError("refused", `${url} answers ${response.status}${why}`, { status: response.status });
  }
  const lifetime = typeof answer.expires_in === "number" ? answer.expires_in * 1_000 : UNSAID;
  return { token: answer.access_token, lifetime };
}
