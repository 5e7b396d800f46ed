// What is measured, in every runtime alike: each subject is loaded, then decides requests by number. No runtime's own modules.

/** This package: text in, text out. */
export async function assize({ loadBundle }, { bundle, requests, actions, allowed }) {
  const loaded = await loadBundle(bundle);
  return {
    decide: (i) => loaded.evaluateText(requests[i]),
    isRight: (i, answer) => (JSON.parse(answer).decisions[0].actions[actions[i]] === true) === allowed[i],
    memory: () => loaded.memoryBytes,
  };
}

/** This package: objects in, objects out, as most code uses it. */
export async function assizeObjects({ loadBundle }, { bundle, requests, actions, allowed }) {
  const loaded = await loadBundle(bundle);
  const objects = requests.map((request) => JSON.parse(request));
  return {
    decide: (i) => loaded.evaluate(objects[i]),
    isRight: (i, answer) => (answer.decisions[0].actions[actions[i]] === true) === allowed[i],
    memory: () => loaded.memoryBytes,
  };
}

/** Cedar in its fastest form: the policy set is parsed once and named in each call. */
export function cedar(library, { cedarPolicies, cedarCalls, allowed }) {
  const parsed = library.preparsePolicySet("workload", { staticPolicies: cedarPolicies });
  if (parsed.type !== "success") throw new Error(`Cedar refuses the policies: ${JSON.stringify(parsed).slice(0, 300)}`);
  return {
    decide: (i) => library.statefulIsAuthorized(cedarCalls[i]),
    isRight: (i, answer) => (answer.response?.decision === "allow") === allowed[i],
    memory: () => 0,
  };
}
