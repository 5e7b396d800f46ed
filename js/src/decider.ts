/** What decides: a held bundle, or a server. Code that enforces does not need to know which. */

import type { Answer, Explanation, Externals, Need } from "./decision.js";
import type { Tree } from "./bundle/tree.js";
import type { EngineRequest, EvaluateRequest, EvaluateTreeRequest } from "./request.js";

/** Decisions, locally or remotely. Every method rejects with an `AssizeError`; a rejection must be taken for a denial. */
export interface Decider {
  /** Decisions for some resources, in their order. */
  evaluate(request: EvaluateRequest): Promise<Answer>;
  /** Decisions for a resource and all that lies beneath it. */
  evaluateTree(request: EvaluateTreeRequest): Promise<Tree>;
  /** Why the decisions are what they are. */
  explain(request: EvaluateRequest | EvaluateTreeRequest): Promise<Explanation>;
}

/**
 * Resolves outside conditions (scripts, transactions) where the decision is made. A need that the result leaves out is
 * undetermined, and so is every one when the promise rejects. `scripts` are those of the bundle that decides.
 */
export interface OutsideResolver {
  resolve(needs: readonly Need[], request: EngineRequest, scripts?: Scripts): Externals | Promise<Externals>;
}

/** A policy-condition script in JavaScript, in clear text. */
export interface Script {
  readonly name: string;
  readonly source: string;
}

/** Scripts by their ids. */
export type Scripts = { readonly [id: string]: Script };
