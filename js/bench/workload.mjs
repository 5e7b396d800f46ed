// The benchmark's workload (`figures workload FOLDER N`), and the same in Cedar's words.

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Everything about N policies: the bundle, requests as text, what is right, and Cedar's policies and calls. */
export function readWorkload(folder) {
  const read = (name) => readFileSync(join(folder, name), "utf8");
  const lines = (name) => read(name).trimEnd().split("\n");
  const { policies } = JSON.parse(read("policies.json"));
  const raw = lines("plain-requests").map((line) => JSON.parse(line));
  const expected = lines("plain-answers").map((line) => JSON.parse(line));
  return {
    bundle: new Uint8Array(readFileSync(join(folder, "bundle"))),
    requests: lines("requests"),
    actions: raw.map(({ action }) => action),
    allowed: expected.map(({ decision }) => decision === "allow"),
    cedarPolicies: policies.flatMap(cedarPolicies).join("\n"),
    cedarCalls: raw.map(cedarCall),
  };
}

/** One policy of ours is a permit or a forbid for each of its actions. */
function cedarPolicies({ id, resource, actions, subject, condition }) {
  const principal = subject.type === "group" ? `principal in Group::"${subject.group}"` : "principal";
  const claim = subject.type === "claim" ? [`principal.${subject.name} == "${subject.value}"`] : [];
  const when = [`context.url like "${resource}"`, ...claim, ...cedarCondition(condition)].join(" && ");
  return Object.entries(actions).map(
    ([action, allowed]) =>
      `@id("${id}-${action}") ${allowed ? "permit" : "forbid"}(${principal}, action == Action::"${action}", resource) when { ${when} };`,
  );
}

function cedarCondition(condition) {
  switch (condition?.type) {
    case undefined:
      return [];
    case "ip":
      return [`context.ip.isInRange(ip("${condition.cidr}"))`];
    case "time":
      return [`context.minute >= ${condition.start} && context.minute < ${condition.end}`];
    case "authlevel":
      return [`context.authLevel >= ${condition.min}`];
    default:
      throw new Error(`no Cedar words for a condition of the type ${condition.type}`);
  }
}

/** Cedar's stateful form: the policies are parsed already; the principal with its groups comes along. */
function cedarCall({ subject, resource, action, env }) {
  const groups = subject.groups.map((id) => ({ type: "Group", id }));
  return {
    principal: { type: "User", id: subject.user },
    action: { type: "Action", id: action },
    resource: { type: "Page", id: "page" },
    context: { url: resource, ip: { __extn: { fn: "ip", arg: env.ip } }, minute: env.minute, authLevel: env.authLevel },
    preparsedPolicySetId: "workload",
    entities: [{ uid: { type: "User", id: subject.user }, attrs: subject.claims, parents: groups }],
  };
}
