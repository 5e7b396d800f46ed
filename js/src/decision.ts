/** What the engine answers (contract §4). */

import type { External } from "./request.js";

/** What is decided for one resource. */
export interface Decision {
  /** As it was asked for; in a tree's entries, the pattern. */
  readonly resource: string;
  /** Each action that some policy mentions: allowed or denied. What is missing is denied. Empty where there are advices. */
  readonly actions: { readonly [action: string]: boolean };
  /** Response attributes, for the application. */
  readonly attributes: { readonly [name: string]: readonly string[] };
  /** What would have to happen for more to be allowed. */
  readonly advices: { readonly [name: string]: readonly string[] };
  /** Epoch milliseconds at which the decision may change by itself; `Infinity` for never. */
  readonly ttl: number;
}

/** Something that the decision asks its caller to carry out. */
export type Effect =
  | { readonly type: "terminateSession" }
  | { readonly type: "setSessionProperty"; readonly name: string; readonly value: string };

/** Which bundle gave an answer. */
export interface BundleMark {
  readonly digest: string;
  readonly revision: number;
}

/** The decisions for a request, in its order. */
export interface Answer {
  readonly decisions: readonly Decision[];
  readonly effects: readonly Effect[];
  /** Absent where a server decided: over AM's REST it tells the digest alone, in a header. */
  readonly bundle?: BundleMark;
  /** Only where it was asked for. */
  readonly explanation?: Explanation;
  /** Why everything is denied without having been looked at. */
  readonly denied?: { readonly code: "staleBundle"; readonly message: string };
}

/** Why decisions are what they are: data with stable codes, and the same as text. */
export interface Explanation {
  readonly resources: readonly {
    readonly resource: string;
    readonly policies: readonly PolicyExplanation[];
  }[];
  readonly text: string;
}

/** How one policy came out for one resource. */
export interface PolicyExplanation {
  readonly policy: string;
  /** Those of its patterns that cover the resource; in a tree those that are the row's. */
  readonly patterns: readonly string[];
  readonly code:
    | "satisfied"
    | "subjectFalse"
    | "conditionFalse"
    | "subjectUndetermined"
    | "conditionUndetermined";
  readonly contribution: "everything" | "denialsAndAdvices" | "advices" | "nothing";
  /** The leaves that are not true. (Under NOT that may be as it should.) */
  readonly leaves: readonly {
    readonly part: "subject" | "condition";
    readonly truth: "false" | "undetermined";
    readonly code: string;
    readonly wanted: string;
    readonly seen: readonly string[];
  }[];
}

/** An outside condition that the engine asks for. */
export type Need =
  | {
      readonly id: string;
      readonly type: "Script";
      readonly scriptId: string;
      /** The resource in its one spelling: what the script is told. */
      readonly resourceName: string;
      readonly resource: string;
    }
  | {
      readonly id: string;
      readonly type: "Transaction";
      readonly authenticationStrategy: string;
      readonly strategySpecifier: string;
      readonly resource: string;
    };

/** The engine cannot go on without results from outside. */
export interface Needs {
  readonly needs: readonly Need[];
}

/** Results for some of the needs; what is left out is undetermined. */
export type Externals = { readonly [id: string]: External };

/** Whether one action on a decision's resource is allowed: only an explicit `true` is. */
export function allows(decision: Decision | undefined, action: string): boolean {
  return decision !== undefined && Object.hasOwn(decision.actions, action) && decision.actions[action] === true;
}
