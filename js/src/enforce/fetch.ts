/** Enforcement where requests and responses are those of `fetch`: Workers, Deno, Bun, service workers. */

import type { WaitUntil } from "../client/policy-client.js";
import { type Denied, type Enforcer, type Verdict } from "./enforcer.js";
import type { Incoming } from "./incoming.js";

/** Finds the address of whoever asks, in a header that the proxy in front is known to set: `cf-connecting-ip` for Cloudflare. */
export type AddressOf = (request: Request) => string | undefined;

/** A request of `fetch` as the enforcer reads it. */
export function incoming(request: Request, addressOf?: AddressOf): Incoming {
  // The URL parser has removed dot segments, and the application sees what it left.
  const { pathname, search } = new URL(request.url);
  return {
    method: request.method,
    target: pathname + search,
    header: (name) => request.headers.get(name) ?? undefined,
    ip: addressOf?.(request),
  };
}

/** A denial as a response. */
export function responseOf(denied: Denied): Response {
  const { status, headers, body } = denied.refusal;
  return new Response(JSON.stringify(body), { status, headers });
}

/** What a guarded handler gets: the request, the verdict, and whatever else the runtime hands over. */
export type GuardedHandler<Rest extends readonly unknown[]> = (
  request: Request,
  verdict: Verdict & { readonly allowed: true },
  ...rest: Rest
) => Response | Promise<Response>;

/**
 * A handler that is called only for what the policies allow: `export default { fetch: guard(enforcer, handle) }`. Where the
 * runtime hands over an execution context (the third argument in Workers), logs are kept alive by it.
 */
export function guard<Rest extends readonly unknown[]>(
  enforcer: Enforcer,
  handle: GuardedHandler<Rest>,
  addressOf?: AddressOf,
): (request: Request, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    const verdict = await enforcer.check(incoming(request, addressOf), rest.find(isContext));
    return verdict.allowed ? handle(request, verdict, ...rest) : responseOf(verdict);
  };
}

function isContext(value: unknown): value is WaitUntil {
  return typeof value === "object" && value !== null && typeof (value as WaitUntil).waitUntil === "function";
}
