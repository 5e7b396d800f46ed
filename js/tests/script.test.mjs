// Scripts where the decision is made: the server's own suite of scripts, through `assize/script`.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadBundle, PolicyClient } from "assize";
import { ScriptResolver, validateScript } from "assize/script";
import { ANN, bundleOf, policy } from "./support/bundles.mjs";
import { HERE, ROOT } from "./support/packed.mjs";

const SCRIPT = join(ROOT, "host/script");
const cases = JSON.parse(readFileSync(join(SCRIPT, "tests/cases.json"), "utf8"));
const sha256 = (file) => createHash("sha256").update(readFileSync(file)).digest("hex");

test("the package carries the server's script.wasm", () => {
  assert.equal(sha256(join(HERE, "dist/esm/entry/script.wasm")), sha256(join(SCRIPT, "script.wasm")));
});

/** The request of a row, and the need that its script resolves. */
function asked({ inputs: own = {} }) {
  const inputs = { ...cases.inputs, ...own };
  const subject = {};
  if (inputs.username != null) subject.principals = [inputs.username];
  if (inputs.session != null) subject.session = inputs.session;
  if (inputs.profile != null) subject.profile = inputs.profile;
  const request = { resources: [inputs.resource], now: inputs.now, environment: inputs.environment, subject };
  const need = { id: "n", type: "Script", scriptId: "GATE", resourceName: inputs.resource, resource: inputs.resource };
  return { request, needs: [need], name: inputs.scriptName };
}

for (const section of ["bindings", "hostile"]) {
  test(`${section}: ${cases[section].length} scripts come to what they come to on the server`, async () => {
    for (const row of cases[section]) {
      const { request, needs, name } = asked(row);
      const lines = [];
      const scripts = { gate: { name, source: row.script } };
      const resolver = new ScriptResolver({ scripts, log: (level, line) => void lines.push([level, line]) });
      const { n: result } = await resolver.resolve(needs, request);
      // An unlimited ttl is left out.
      const { result: wanted, log } = JSON.parse(row.answer.replace(',"ttl":9223372036854775807', ""));
      assert.deepEqual(result, wanted, `${row.about}: ${row.script}`);
      assert.deepEqual(lines, wanted.error === undefined ? log : [...log, ["error", wanted.error]], row.about);
    }
  });
}

const PAGE = "https://www.example.com/x";
const ID = "9de3eb62-f131-4fac-a294-7bd170fd4acb";
const scripted = () => bundleOf([policy("s", "/*", { condition: { type: "Script", scriptId: ID } })]);

test("a bundle's script decides", async () => {
  const bundle = await loadBundle(scripted(), {});
  const decide = async (source) => {
    const outside = new ScriptResolver({ scripts: { [ID.toUpperCase()]: { name: "gate", source } } });
    const request = { resources: [PAGE], subject: ANN, now: 1 };
    const { needs } = bundle.ask(request);
    const externals = await outside.resolve(needs, request);
    return bundle.evaluate({ ...request, externals }).decisions[0];
  };
  const allowed = await decide("authorized = resourceURI.equals('https://www.example.com:443/x'); ttl = 5;");
  assert.deepEqual([allowed.actions, allowed.ttl], [{ GET: true }, 5]);
  const refused = await decide("advice.put('Step', ['up']);");
  assert.deepEqual([refused.actions, refused.advices, refused.ttl], [{}, { Step: ["up"] }, Infinity]);
  assert.deepEqual((await decide("for (;;);")).actions, {});
});

test("what is missing or no script is undetermined, or somebody else's", async () => {
  const need = { id: "t", type: "Transaction", authenticationStrategy: "a", strategySpecifier: "b", resource: PAGE };
  const script = { id: "s", type: "Script", scriptId: "none", resourceName: PAGE, resource: PAGE };
  const request = { resources: [PAGE], now: 1 };
  const alone = new ScriptResolver({ scripts: {} });
  assert.deepEqual(await alone.resolve([need, script], request), { s: { error: "there is no script none" } });
  const otherwise = { resolve: (needs) => Object.fromEntries(needs.map(({ id }) => [id, { satisfied: true }])) };
  const both = new ScriptResolver({ scripts: {}, otherwise });
  assert.deepEqual((await both.resolve([need], request)).t, { satisfied: true });
  assert.equal(typeof PolicyClient, "function");
});

test("the scripts of a request have their steps together", async () => {
  const endless = { name: "endless", source: "for (;;);" };
  const needs = Array.from({ length: 7 }, (_, n) => ({ id: `${n}`, type: "Script", scriptId: "e", resourceName: PAGE, resource: PAGE }));
  const found = await new ScriptResolver({ scripts: { e: endless } }).resolve(needs, { resources: [PAGE], now: 1 });
  const errors = Object.values(found).map(({ error }) => error);
  const [one, all] = ["the script takes too many steps", "the request's scripts take too many steps together"];
  assert.deepEqual(errors, [one, one, one, one, one, all, all]);
  // In other company the last ones may have a result: what follows from theirs is not to be kept.
  assert.deepEqual(Object.values(found).map(({ ttl }) => ttl), [...Array(5).fill(undefined), 0, 0]);
});

test("a script is parsed and not run", async () => {
  assert.deepEqual(await validateScript("for (;;);"), []);
  assert.deepEqual(await validateScript("\nauthorized = ;"), [
    { line: 2, column: 14, message: "SyntaxError: unexpected token in expression: ';'" },
  ]);
});

test("the scripts come with the bundle", async () => {
  const condition = { type: "Script", scriptId: ID };
  const script = { _id: ID, name: "gate", language: "JAVASCRIPT", context: "POLICY_CONDITION", script: btoa("authorized = true;") };
  const bytes = bundleOf({ policies: [policy("s", "/*", { condition })], scripts: [script, { ...script, _id: "other", name: "other" }] });
  const bundle = await loadBundle(bytes, {});
  assert.deepEqual({ ...bundle.scripts }, { [ID]: { name: "gate", source: "authorized = true;" } });
  const request = { resources: [PAGE], subject: ANN, now: 1 };
  const externals = await new ScriptResolver().resolve(bundle.ask(request).needs, request, bundle.scripts);
  assert.deepEqual(bundle.evaluate({ ...request, externals }).decisions[0].actions, { GET: true });
  assert.deepEqual({ ...(await loadBundle(scripted(), {})).scripts }, {});
});
