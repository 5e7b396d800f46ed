// Runs policy-condition scripts with stand-ins for AM's bindings, to state their results as facts.
// Input: JSON lines {script, username, resource, environment, profile|null, session|null}; output: JSON lines with
// {satisfied, advices, attributes, ttl} or {error}.
const vm = require("node:vm");
String.prototype.equals = function (other) { return String(this) === String(other); };
const setOf = (values) => values == null ? null : {
  contains: (v) => values.includes(String(v)),
  iterator: () => { let n = 0; return { next: () => { if (n >= values.length) throw new Error("no element"); return values[n++]; }, hasNext: () => n < values.length }; },
};
class ArrayList { constructor() { this.items = []; } add(v) { this.items.push(v); } }
const lists = (map) => {
  const out = {};
  for (const [name, value] of map) {
    const items = value instanceof ArrayList ? value.items : value;
    if (!Array.isArray(items) || !items.every((i) => typeof i === "string")) throw new Error(`${name} is no list of texts`);
    out[name] = [...new Set(items)].sort();
  }
  return out;
};
function run({ script, username, resource, environment, profile, session }) {
  const advice = new Map(), attributes = new Map();
  const put = (map) => ({ put: (k, v) => { map.set(k, Array.isArray(v) || v instanceof ArrayList ? v : Array.isArray(v?.slice?.()) ? [...v] : v); } });
  const scope = {
    authorized: false, ttl: null, username, resourceURI: resource, advice: put(advice), responseAttributes: put(attributes),
    environment: { get: (k) => setOf(environment[k]) }, java: { util: { ArrayList } },
  };
  if (profile) scope.identity = { getAttribute: (n) => setOf(profile[n]) };
  if (session) scope.session = { getProperty: (n) => session[n] ?? null };
  vm.createContext(scope);
  vm.runInContext("String.prototype.equals = function (o) { return String(this) === String(o); };", scope);
  vm.runInContext(script, scope);
  if (typeof scope.authorized !== "boolean") throw new Error("authorized is no boolean");
  if (scope.ttl !== null && !(typeof scope.ttl === "number" && scope.ttl >= 0)) throw new Error("ttl is no instant");
  const fix = (map) => { for (const [k, v] of map) if (!(v instanceof ArrayList) && v !== null && typeof v === "object" && typeof v.length === "number") map.set(k, Array.from(v)); };
  fix(advice); fix(attributes);
  const result = { satisfied: scope.authorized, advices: lists(advice), attributes: lists(attributes) };
  if (scope.authorized) result.advices = {};
  if (scope.authorized && scope.ttl !== null) result.ttl = scope.ttl;
  return result;
}
const rl = require("node:readline").createInterface({ input: process.stdin });
rl.on("line", (line) => {
  let out;
  try { out = run(JSON.parse(line)); } catch (e) { out = { error: "the script failed" }; }
  process.stdout.write(JSON.stringify(out) + "\n");
});
