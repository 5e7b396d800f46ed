/**
 * Policy scripts where the decision is made, by the very module that the Assize server runs them with.
 *
 * @packageDocumentation
 */

export { ScriptResolver, type ScriptResolverOptions, validateScript } from "./resolver.js";
export type { ScriptLogLevel, ScriptSyntaxError } from "./sandbox.js";
