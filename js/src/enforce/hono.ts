/** Middleware for Hono. Imported from `assize/hono`. */

import type { Allowed, Enforcer } from "./enforcer.js";
import { type AddressOf, incoming, responseOf } from "./fetch.js";

/** The part of Hono's context that is used. */
export interface HonoContext {
  readonly req: { readonly raw: Request };
  set(key: string, value: unknown): void;
}

/**
 * Lets through what the policies allow, and puts the verdict into the context: `c.get("assize")`.
 *
 * Register it before the routes that it is to guard: `app.use("*", enforce(enforcer))`.
 */
export function enforce(
  enforcer: Enforcer,
  addressOf?: AddressOf,
): (context: HonoContext, next: () => Promise<void>) => Promise<Response | void> {
  return async (context, next) => {
    const verdict = await enforcer.check(incoming(context.req.raw, addressOf), executionContext(context));
    if (!verdict.allowed) return responseOf(verdict);
    context.set("assize", verdict);
    return next();
  };
}

/** Hono throws where the runtime has no execution context. */
function executionContext(context: HonoContext): { waitUntil(work: Promise<unknown>): void } | undefined {
  try {
    return (context as { executionCtx?: { waitUntil(work: Promise<unknown>): void } }).executionCtx;
  } catch {
    return undefined;
  }
}

/** What `c.get("assize")` is. */
export interface AssizeVariables {
  assize: Allowed;
}
