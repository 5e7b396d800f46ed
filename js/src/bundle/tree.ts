/** A tree of decisions, and a decision for any resource in it without asking again. */

import type { Answer, Decision } from "../decision.js";
import { AssizeError, OutsideTreeError, reasonOf, RequestError } from "../errors.js";
import type { GlueTreeRows } from "../engine/glue.js";

/** Makes the module's view of a tree. */
export type RowsOf = (root: string) => GlueTreeRows;

/**
 * What a subject may do at and beneath a resource (evaluateTree). The first entry is the root's; every other one holds
 * what the policies with exactly that pattern contribute.
 */
export class Tree {
  /** The root, as it was asked for. */
  readonly root: string;
  readonly entries: readonly Decision[];
  /** The whole answer: effects, and which bundle gave it. */
  readonly answer: Answer;
  readonly #rowsOf: RowsOf;
  #rows: GlueTreeRows | undefined;

  constructor(root: string, answer: Answer, rowsOf: RowsOf) {
    this.root = root;
    this.entries = answer.decisions;
    this.answer = answer;
    this.#rowsOf = rowsOf;
  }

  /**
   * The decision for a resource at or beneath the root: the combination of the entries that cover it. For policies without
   * outside conditions it is exactly what `evaluate` says about the resource under the same facts.
   *
   * @throws OutsideTreeError for any other resource; RequestError (`badResource`) for what is no resource name.
   */
  decide(resource: string): Decision {
    if (this.answer.denied !== undefined) return denial(resource, this.entries[0]?.ttl ?? 0);
    const covering = this.#covering(resource);
    if (covering === undefined) throw new OutsideTreeError(resource, this.root);
    return combine(
      resource,
      Array.from(covering, (place) => this.entries[place]).filter((entry) => entry !== undefined),
    );
  }

  /** Whether one action on a resource of the tree is allowed. */
  allows(resource: string, action: string): boolean {
    return this.decide(resource).actions[action] === true;
  }

  #covering(resource: string): Uint32Array | undefined {
    try {
      this.#rows ??= this.#readRows();
      return this.#rows.covering(resource);
    } catch (thrown) {
      if (thrown instanceof AssizeError) throw thrown;
      throw new RequestError("badResource", reasonOf(thrown), "");
    }
  }

  #readRows(): GlueTreeRows {
    const rows = this.#rowsOf(this.root);
    for (const entry of this.entries.slice(1)) rows.add(entry.resource);
    return rows;
  }
}

/** Nothing is allowed. */
export function denial(resource: string, ttl: number): Decision {
  return { resource, actions: {}, attributes: {}, advices: {}, ttl };
}

/** DenyOverride over entries, as the engine combines policies: any advice empties the actions, attributes stay. */
function combine(resource: string, entries: readonly Decision[]): Decision {
  const actions = new Map<string, boolean>();
  let ttl = Infinity;
  for (const entry of entries) {
    for (const [action, allowed] of Object.entries(entry.actions)) {
      actions.set(action, (actions.get(action) ?? true) && allowed);
    }
    ttl = Math.min(ttl, entry.ttl);
  }
  const advices = united(entries.map((entry) => entry.advices));
  return {
    resource,
    actions: Object.keys(advices).length > 0 ? {} : Object.fromEntries(sorted(actions)),
    attributes: united(entries.map((entry) => entry.attributes)),
    advices,
    ttl,
  };
}

function united(maps: readonly { readonly [name: string]: readonly string[] }[]): { [name: string]: string[] } {
  const all = new Map<string, Set<string>>();
  for (const [name, values] of maps.flatMap((map) => Object.entries(map))) {
    const known = all.get(name) ?? new Set();
    values.forEach((value) => known.add(value));
    all.set(name, known);
  }
  return Object.fromEntries(sorted(all).map(([name, values]) => [name, [...values].sort(byBytes)]));
}

function sorted<T>(map: Map<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => byBytes(a, b));
}

/** The order of UTF-8's bytes, which is that of code points and not of JavaScript's UTF-16 units. */
function byBytes(a: string, b: string): number {
  const [left, right] = [a[Symbol.iterator](), b[Symbol.iterator]()];
  for (;;) {
    const [x, y] = [left.next(), right.next()];
    if (x.done === true || y.done === true) return Number(y.done ?? false) - Number(x.done ?? false);
    if (x.value !== y.value) return (x.value.codePointAt(0) ?? 0) - (y.value.codePointAt(0) ?? 0);
  }
}
