/** Middleware for Express 4 and 5, and for whatever else has Node's requests and responses. Imported from `assize/express`. */

import type { Allowed, Enforcer } from "./enforcer.js";
import type { Incoming } from "./incoming.js";

/** The part of Express's request that is used. */
export interface ExpressRequest {
  readonly method?: string | undefined;
  /** The target as it came; `url` has lost the path that a router is mounted at. */
  readonly originalUrl?: string;
  readonly url?: string | undefined;
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined };
  /** By Express's own setting `trust proxy`. */
  readonly ip?: string | undefined;
  readonly socket?: { readonly remoteAddress?: string | undefined };
  /** The verdict, for the handlers behind. */
  assize?: Allowed;
}

/** The part of the response that is used. */
export interface ExpressResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

/**
 * Lets through what the policies allow, and leaves the verdict as `req.assize`.
 *
 * Register it before the routes that it is to guard: `app.use(enforce(enforcer))`.
 */
export function enforce(
  enforcer: Enforcer,
): (request: ExpressRequest, response: ExpressResponse, next: (error?: unknown) => void) => Promise<void> {
  return async (request, response, next) => {
    const verdict = await enforcer.check(read(request));
    if (verdict.allowed) {
      request.assize = verdict;
      next();
      return;
    }
    response.statusCode = verdict.refusal.status;
    for (const [name, value] of Object.entries(verdict.refusal.headers)) response.setHeader(name, value);
    response.end(JSON.stringify(verdict.refusal.body));
  };
}

function read(request: ExpressRequest): Incoming {
  return {
    method: request.method ?? "GET",
    target: request.originalUrl ?? request.url ?? "/",
    header: (name) => {
      const value = request.headers[name];
      return typeof value === "string" ? value : value?.join(name === "cookie" ? "; " : ", ");
    },
    ip: address(request.ip ?? request.socket?.remoteAddress),
  };
}

/** Node shows an IPv4 client of an IPv6 socket as `::ffff:10.0.0.7`. */
function address(ip: string | undefined): string | undefined {
  return ip?.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
}
