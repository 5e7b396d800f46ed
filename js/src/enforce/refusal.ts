/**
 * What an enforcement point answers instead of the application: plain data, so that each framework can send it its way.
 *
 * The forms of a Transaction or AuthenticateToService advice are those that ForgeRock's JavaScript SDK understands: an SSOADVICE
 * challenge (IG's form; the SDK then asks again with `_txid` in the URL), or the decision's `advices` in the JSON (AM's
 * form; it asks again with `X-TxID` or `X-Tree`).
 */

import type { Decision } from "../decision.js";
import { AssizeError, reasonOf, RemoteError, TokenError } from "../errors.js";
import { base64 } from "../jose/base64url.js";
import { AmbiguousUrlError } from "./target.js";

/** An answer with a JSON body. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 503;
  readonly headers: { readonly [name: string]: string };
  readonly body: {
    readonly code: number;
    readonly reason: string;
    readonly message: string;
    /** Only where there are some: to the SDK an empty object is advice, too. */
    readonly advices?: Decision["advices"];
  };
}

/** Where advices lead: the server that a client logs in to again. */
export interface AdviceForm {
  /** AM's path of the realm; `/` unless told. */
  readonly realm?: string;
  /** The server's deployment as the client reaches it, for the challenge: `https://am.example.com/am/`. */
  readonly amUrl?: string;
  /** `challenge` (unless told): 401 with `WWW-Authenticate: SSOADVICE`. `body`: 403 with the advices in the JSON alone. */
  readonly form?: "challenge" | "body";
}

/** The advices by which a client can get further by itself, by logging in again. */
const LOG_IN_AGAIN = ["AuthenticateToServiceConditionAdvice", "TransactionConditionAdvice"];

/** The policies deny. */
export function forbidden(decision: Decision, advice: AdviceForm = {}): Refusal {
  const given = Object.keys(decision.advices).length > 0 ? { advices: decision.advices } : {};
  const leads = LOG_IN_AGAIN.some((name) => (decision.advices[name]?.length ?? 0) > 0);
  if (!leads || advice.form === "body") {
    return refusal(403, "Forbidden", "The policies do not allow this.", {}, given);
  }
  return refusal(401, "Unauthorized", "The policies ask for another log-in.", { "www-authenticate": challenge(decision, advice) }, given);
}

function challenge(decision: Decision, { realm = "/", amUrl }: AdviceForm): string {
  const advices = base64(JSON.stringify(decision.advices));
  const parts = [`realm="${quoted(realm)}"`, `advices="${advices}"`];
  if (amUrl !== undefined) parts.push(`am_uri="${quoted(amUrl)}"`);
  return `SSOADVICE ${parts.join(",")}`;
}

/** RFC 9110 §5.6.4; a client that splits at commas must not find one. */
function quoted(text: string): string {
  return text.replace(/["\\]/g, (character) => `\\${character}`).replaceAll(",", "%2C");
}

/** Nobody asks, or with a proof that is not believed (RFC 6750 §3). */
export function unauthorized(error: TokenError | undefined): Refusal {
  const scheme = error === undefined ? "Bearer" : `Bearer error="invalid_token", error_description="${quoted(error.message)}"`;
  return refusal(401, "Unauthorized", error?.message ?? "Log in first.", { "www-authenticate": scheme }, {});
}

/** Nothing can be decided now. */
export function unavailable(message: string): Refusal {
  return refusal(503, "Service Unavailable", message, { "retry-after": "5" }, {});
}

/** What is answered for an error: never an allow. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof TokenError) return unauthorized(error);
  if (error instanceof AmbiguousUrlError) return refusal(400, "Bad Request", error.message, {}, {});
  if (error instanceof AssizeError && error.code === "badResource") return refusal(400, "Bad Request", error.message, {}, {});
  if (error instanceof RemoteError) return unavailable("The server that decides cannot be asked.");
  return unavailable(error instanceof AssizeError ? error.message : "The request could not be decided.");
}

/** The code and words of an error, for logs. */
export function loggedError(error: unknown): { readonly code: AssizeError["code"] | "unexpected"; readonly message: string } {
  return { code: error instanceof AssizeError ? error.code : "unexpected", message: reasonOf(error) };
}

function refusal(
  status: Refusal["status"],
  reason: string,
  message: string,
  headers: { readonly [name: string]: string },
  more: { readonly advices?: Decision["advices"] },
): Refusal {
  return {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
    body: { code: status, reason, message, ...more },
  };
}
