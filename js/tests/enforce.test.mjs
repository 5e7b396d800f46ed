// Guards: who asks, what for, and what is answered instead of the application.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { connect } from "node:net";
import { before, test } from "node:test";
import { serve } from "@hono/node-server";
import { anyOf, batched, Enforcer, guard, jsonLines, jwtSubject, loadBundle, OptionsError, remoteKeySet, RemoteClient, session, sessionSubject } from "assize";
import { enforce as enforceExpress } from "assize/express";
import { enforce as enforceHono } from "assize/hono";
import express from "express";
import { Hono } from "hono";
import { bundleOf, policy } from "./support/bundles.mjs";
import { Issuer } from "./support/tokens.mjs";

const ORIGIN = "https://www.example.com";
const issuer = new Issuer();
const token = issuer.token();
let decider;

before(async () => {
  const bundle = await loadBundle(
    bundleOf([
      policy("public", ["/public/*", "/public/*?*"], { actionValues: { GET: true, POST: false } }),
      policy("admin", "/admin/*", { subject: { type: "JwtClaim", claimName: "role", claimValue: "admin" } }),
      policy("slash", "/files/a%2Fb"),
      policy("level", "/level/*", { condition: { type: "AuthLevel", authLevel: 3 } }),
      policy("service", "/service/*", { condition: { type: "AuthenticateToService", authenticateToService: "StepUp" } }),
      policy("lan", "/lan/*", { condition: { type: "IPv4", startIp: "10.0.0.0", endIp: "10.255.255.255" } }),
      policy("anybody", "/open/*", { subject: { type: "NOT", subject: { type: "NONE" } } }),
      policy("attributes", "/named/*", { resourceAttributes: [{ type: "Static", propertyName: "tier", propertyValues: ["gold"] }] }),
    ]),
  );
  decider = { evaluate: async (request) => bundle.evaluate(request) };
});

function enforcer(options = {}) {
  const subject = jwtSubject({ issuer: issuer.issuer, audience: "shop", keys: issuer.jwks });
  return new Enforcer({ decider, origin: ORIGIN, subject, ...options });
}

const request = (path, { method = "GET", headers = {}, bearer = token } = {}) =>
  new Request(`http://inside.example${path}`, { method, headers: { ...(bearer ? { authorization: `Bearer ${bearer}` } : {}), ...headers } });

async function ask(path, more = {}, options = {}) {
  const handler = guard(enforcer(options), (_, { caller, decision }) => Response.json({ caller: caller?.id, attributes: decision.attributes }), options.addressOf);
  const response = await handler(request(path, more));
  return { status: response.status, headers: response.headers, body: await response.json() };
}

test("allowed: the handler runs, and knows who asks and what the policies say about it", async () => {
  const { status, body } = await ask("/named/x");
  assert.deepEqual([status, body], [200, { caller: "ann", attributes: { tier: ["gold"] } }]);
});

test("denied: 403 with JSON, and advices only where there are some", async () => {
  const { status, body, headers } = await ask("/public/x", { method: "POST" });
  assert.deepEqual([status, body], [403, { code: 403, reason: "Forbidden", message: "The policies do not allow this." }]);
  assert.equal(headers.get("cache-control"), "no-store");
  assert.equal((await ask("/admin/x")).status, 403);
  assert.equal((await ask("/nowhere")).status, 403);
  assert.equal((await ask("/public/x", { method: "PURGE" })).status, 403);
  const advised = await ask("/level/x");
  assert.deepEqual([advised.status, advised.body.advices], [403, { AuthLevelConditionAdvice: ["3"] }]);
  assert.equal(advised.headers.get("www-authenticate"), null);
});

test("an advice to log in again is a challenge, or AM's form", async () => {
  const challenge = await ask("/service/x", {}, { advice: { realm: "/alpha", amUrl: "https://am.example.com/am/" } });
  assert.equal(challenge.status, 401);
  const [, realm, advices, uri] = /^SSOADVICE realm="([^"]*)",advices="([^"]*)",am_uri="([^"]*)"$/.exec(challenge.headers.get("www-authenticate"));
  assert.deepEqual([realm, uri], ["/alpha", "https://am.example.com/am/"]);
  assert.deepEqual(JSON.parse(atob(advices)), { AuthenticateToServiceConditionAdvice: ["StepUp"] });
  assert.deepEqual(challenge.body.advices, JSON.parse(atob(advices)));
  const body = await ask("/service/x", {}, { advice: { form: "body" } });
  assert.deepEqual([body.status, body.body.advices], [403, { AuthenticateToServiceConditionAdvice: ["StepUp"] }]);
});

test("a token is believed only if everything about it holds", async () => {
  const tell = async (bearer) => {
    const { status, body, headers } = await ask("/public/x", { bearer });
    return [status, headers.get("www-authenticate")?.includes("invalid_token") ?? false, body.message];
  };
  assert.deepEqual(await tell(null), [401, false, "Log in first."]);
  const seconds = Math.floor(Date.now() / 1000);
  const other = new Issuer();
  for (const [bearer, why] of [
    ["garbage", /no signed JWT/],
    [issuer.unsigned(), /signature/],
    [issuer.confused(), /signature/],
    [other.token(), /signature/],
    [issuer.token({}, { kid: "unknown" }), /no key is called unknown/],
    [issuer.token({}, { typ: "logout+jwt" }), /not meant for this/],
    [issuer.token({}, { crit: ["b64"], b64: false }), /no signed JWT/],
    [issuer.token({ iss: "https://else.example.com" }), /issuer/],
    [issuer.token({ aud: "bank" }), /somebody else/],
    [issuer.token({ aud: undefined }), /somebody else/],
    [issuer.token({ exp: seconds - 31 }), /expired/],
    [issuer.token({ exp: undefined }), /expired/],
    [issuer.token({ nbf: seconds + 60 }), /not valid yet/],
    [`${token.slice(0, -4)}AAAA`, /signature/],
  ]) {
    const [status, challenged, message] = await tell(bearer);
    assert.deepEqual([status, challenged], [401, true], message);
    assert.match(message, why);
  }
  for (const bearer of [issuer.token({ aud: ["x", "shop"] }), issuer.token({ exp: seconds - 20 }), issuer.token({}, { typ: "at+jwt" })]) {
    assert.equal((await tell(bearer))[0], 200);
  }
});

test("every algorithm that is offered works, and only those", async () => {
  for (const algorithm of ["RS256", "PS256", "ES256", "ES384", "EdDSA"]) {
    const signer = new Issuer(issuer.issuer, algorithm);
    const subject = (algorithms) => jwtSubject({ issuer: issuer.issuer, audience: "shop", keys: signer.jwks, algorithms });
    assert.equal((await ask("/public/x", { bearer: signer.token() }, { subject: subject([algorithm]) })).status, 200, algorithm);
    const others = ["RS256", "PS256", "ES256", "ES384", "EdDSA"].filter((name) => name !== algorithm);
    assert.equal((await ask("/public/x", { bearer: signer.token() }, { subject: subject(others) })).status, 401, algorithm);
  }
  assert.throws(() => jwtSubject({ issuer: "x", audience: "y", keys: issuer.jwks, algorithms: ["HS256"] }), OptionsError);
});

test("keys come from a JWKS URL, once, and again for a key that is new; garbage causes no storm", async () => {
  let [fetched, now] = [0, 0];
  const keys = [issuer.jwk];
  const set = remoteKeySet("https://issuer.example.com/jwks", {
    clock: () => now,
    fetch: async () => ((fetched += 1), Response.json({ keys })),
  });
  await Promise.all([set.find("k1"), set.find("k1")]);
  assert.equal(fetched, 1);
  for (let i = 0; i < 50; i += 1) assert.equal(await set.find(`none${i}`), undefined);
  assert.equal(fetched, 1, "within the cooldown");
  now += 10_000;
  keys.push({ ...issuer.jwk, kid: "k2" });
  assert.equal((await set.find("k2")).kid, "k2");
  assert.equal(fetched, 2);
});

test("an issuer that is away is asked again, but not by every request", async () => {
  let [fetched, now, away] = [0, 0, true];
  const set = remoteKeySet("https://issuer.example.com/jwks", {
    clock: () => now,
    fetch: async () => ((fetched += 1), away ? new Response("", { status: 502 }) : Response.json(issuer.jwks)),
  });
  for (let i = 0; i < 5; i += 1) await assert.rejects(set.find("k1"), { code: "refused" });
  assert.equal(fetched, 1);
  away = false;
  now += 1_000;
  assert.equal((await set.find("k1")).kid, "k1");
  away = true;
  now += 600_001;
  for (let i = 0; i < 5; i += 1) assert.equal((await set.find("k1")).kid, "k1", "old keys are better than none");
  assert.equal(fetched, 3);
});

test("what is decided about is what the application serves", async () => {
  const raw = async (target, reading) => {
    const verdict = await enforcer({ reading }).check({ method: "GET", target, header: (name) => (name === "authorization" ? `Bearer ${token}` : undefined), ip: undefined });
    return verdict.allowed ? 200 : verdict.refusal.status;
  };
  // A router that does not normalise would serve /admin/../public/x from its /admin routes.
  for (const target of ["/admin/../public/x", "/admin/%2e%2E/public/x", "/public/./x", "/public//x", "//public/x", "/public\\x", "/public/%5cx", "/public/..;/x", "/public/%zz", "/public/x%00", "public/x", "*"]) {
    assert.equal(await raw(target), 400, target);
  }
  for (const target of ["/public/x", "/public/x?a=../b", "/public/a%2e%2eb", "/PUBLIC/x", "/public/..%2fx", "http://evil.example/public/x", "/public/", "/%70ublic/x"]) {
    assert.equal(await raw(target), 200, target);
  }
  assert.equal(await raw("/files/a%2fb"), 200, "kept: one segment");
  assert.equal(await raw("/files/a/b"), 403);
  assert.equal(await raw("/public/..%2fadmin/x", { encodedSlashes: "decoded" }), 400, "decoded: a dot segment");
  assert.equal(await raw("/files/a%2fb", { encodedSlashes: "decoded" }), 403, "decoded: two segments");
  assert.equal(await raw("/public//x", { emptySegments: "collapsed" }), 200);
});

test("the SDK's own parameters are no part of the resource, and reach the policies as TxId", async () => {
  const seen = [];
  const spy = { evaluate: async (question) => (seen.push([question.resources[0], question.environment]), decider.evaluate(question)) };
  await ask("/public/x?_txid=4711&a=b&_idtoken=eyJ", {}, { decider: spy });
  await ask("/public/x?_txid=47%2011", { headers: { "x-txid": "other" } }, { decider: spy });
  await ask("/public/x", { headers: { "x-txid": "0815" } }, { decider: spy });
  await ask("/public/x?a", {}, { decider: spy });
  assert.deepEqual(seen, [
    [`${ORIGIN}/public/x?a=b`, { TxId: ["4711"] }],
    [`${ORIGIN}/public/x`, { TxId: ["47 11"] }],
    [`${ORIGIN}/public/x`, { TxId: ["0815"] }],
    [`${ORIGIN}/public/x?a`, {}],
  ]);
});

test("an address counts only where somebody vouches for it", async () => {
  const headers = { "cf-connecting-ip": "10.0.0.7" };
  assert.equal((await ask("/lan/x", { headers })).status, 403);
  assert.equal((await ask("/lan/x", { headers }, { addressOf: (r) => r.headers.get("cf-connecting-ip") })).status, 200);
});

test("without any proof: refused, or decided about nobody", async () => {
  assert.equal((await ask("/open/x", { bearer: null })).status, 401);
  assert.equal((await ask("/open/x", { bearer: null }, { anonymous: "decided" })).status, 200);
  assert.equal((await ask("/public/x", { bearer: null }, { anonymous: "decided" })).status, 403);
  assert.equal((await ask("/open/x", { bearer: "garbage" }, { anonymous: "decided" })).status, 401, "a bad proof is not no proof");
});

test("effects are carried out before the application goes on", async () => {
  const effects = [{ type: "terminateSession" }];
  const answer = async ({ resources }) => ({ decisions: [{ resource: resources[0], actions: { GET: true }, attributes: {}, advices: {}, ttl: 0 }], effects });
  const seen = [];
  const carryOut = async (asked, caller) => void seen.push(asked, caller.id);
  assert.equal((await ask("/x", {}, { decider: { evaluate: answer }, effects: carryOut })).status, 200);
  assert.deepEqual(seen, [effects, "ann"]);
  assert.equal((await ask("/x", {}, { decider: { evaluate: answer }, effects: () => Promise.reject(new Error("away")) })).status, 503);
});

test("what cannot be decided is refused", async () => {
  const failing = (evaluate) => ({ decider: { evaluate } });
  for (const evaluate of [
    () => Promise.reject(new Error("broken")),
    async () => ({ decisions: [], effects: [] }),
    async ({ resources }) => ({ decisions: [{ resource: resources[0], actions: { GET: true }, attributes: {}, advices: {}, ttl: 0 }], effects: [], denied: { code: "staleBundle", message: "old" } }),
  ]) {
    const { status, body, headers } = await ask("/public/x", {}, failing(evaluate));
    assert.equal(status, 503);
    assert.equal(headers.get("retry-after"), "5");
    assert.doesNotMatch(body.message, /broken/, "an unexpected error's words stay inside");
  }
  const wrong = failing(async ({ resources }) => ({ decisions: [{ resource: resources[0], actions: { GET: "true" }, attributes: {}, advices: {}, ttl: 0 }], effects: [] }));
  assert.equal((await ask("/public/x", {}, wrong)).status, 403, "only `true` allows");
});

test("each decision is logged once, without tokens; a log that fails decides nothing", async () => {
  const lines = [];
  let now = 1_000;
  const options = { log: jsonLines((line) => lines.push(line)), clock: () => (now += 2), policySet: "iPlanetAMWebAgentService" };
  await ask("/public/x?a=b", {}, options);
  await ask("/service/x", {}, options);
  await ask("/public/x", { bearer: "garbage" }, options);
  await ask("/public/x", { bearer: null }, options);
  const records = lines.map((line) => JSON.parse(line));
  const brief = records.map(({ outcome, caller, action, resource, error, advices }) => ({ outcome, caller, action, resource: resource.slice(ORIGIN.length), code: error?.code, advices }));
  assert.deepEqual(brief, [
    { outcome: "allowed", caller: "ann", action: "GET", resource: "/public/x?a=b", code: undefined, advices: undefined },
    { outcome: "denied", caller: "ann", action: "GET", resource: "/service/x", code: undefined, advices: { AuthenticateToServiceConditionAdvice: ["StepUp"] } },
    { outcome: "refused", caller: undefined, action: "GET", resource: "/public/x", code: "badToken", advices: undefined },
    { outcome: "refused", caller: undefined, action: "GET", resource: "/public/x", code: undefined, advices: undefined },
  ]);
  assert.equal(records[0].bundle.digest.length, 64);
  assert.ok(records.every(({ took }) => took > 0));
  assert.ok(lines.every((line) => !line.includes(token.split(".")[2])));
  for (const log of [() => { throw new Error("disk"); }, () => Promise.reject(new Error("net"))]) {
    assert.equal((await ask("/public/x", {}, { log })).status, 200);
  }
  const sent = [];
  const sink = batched((batch) => void sent.push(batch.length), { size: 2, milliseconds: 60_000 });
  for (let i = 0; i < 3; i += 1) await ask("/public/x", {}, { log: sink });
  assert.deepEqual(sent, [2]);
  await sink.flush();
  assert.deepEqual(sent, [2, 1]);
});

test("a session is asked about at its server, and an answer is used for a while", async () => {
  let [asked, now, alive] = [[], 0, true];
  const fetcher = async (url, { headers, body }) => {
    asked.push([String(url), JSON.parse(body).tokenId, headers.get("iplanetdirectorypro")]);
    return Response.json(alive ? { username: "bob", universalId: "id=bob,ou=user,dc=x" } : { valid: false });
  };
  const subject = anyOf(
    jwtSubject({ issuer: issuer.issuer, audience: "shop", keys: issuer.jwks }),
    sessionSubject({ url: "https://am.example.com/am/", clock: () => now, fetch: fetcher }),
  );
  const seen = [];
  const spy = { evaluate: async (question) => (seen.push(question), { decisions: [{ resource: "", actions: { GET: true }, attributes: {}, advices: {}, ttl: 0 }], effects: [] }) };
  const go = () => ask("/x", { bearer: null, headers: { cookie: "a=b; iPlanetDirectoryPro=AQIC5w*.*" } }, { subject, decider: spy });
  assert.equal((await go()).status, 200);
  assert.deepEqual(asked, [["https://am.example.com/am/json/sessions/?_action=getSessionInfo", "AQIC5w*.*", "AQIC5w*.*"]]);
  assert.deepEqual([seen[0].subject, seen[0].credential], [{ principals: ["id=bob,ou=user,dc=x"] }, { ssoToken: "AQIC5w*.*" }]);
  alive = false;
  now += 4_999;
  assert.equal((await go()).status, 200);
  now += 1;
  assert.equal((await go()).status, 401);
  assert.equal(asked.length, 2);
});

test("the origin is never the request's", () => {
  for (const origin of ["https://www.example.com/", "www.example.com", "https://u@h", "", undefined]) {
    assert.throws(() => enforcer({ origin }), OptionsError, String(origin));
  }
});

test("Hono: middleware lets through, refuses, and hands the verdict on", async () => {
  const app = new Hono();
  app.use("*", enforceHono(enforcer()));
  app.get("*", (c) => c.json({ caller: c.get("assize").caller.id }));
  const fetched = async (path, more) => {
    const response = await app.fetch(request(path, more));
    return [response.status, await response.json()];
  };
  assert.deepEqual(await fetched("/public/x"), [200, { caller: "ann" }]);
  assert.equal((await fetched("/admin/x"))[0], 403);
  assert.equal((await fetched("/service/x"))[0], 401);
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
  await new Promise((resolve) => server.on("listening", resolve));
  assert.match(await rawGet(server.address().port, "/public/x"), /^HTTP\/1.1 200/);
  assert.match(await rawGet(server.address().port, "/public/../admin/x"), /^HTTP\/1.1 (400|403)/);
  server.close();
});

test("Express: middleware lets through, refuses, and hands the verdict on, mounted or not", async () => {
  const app = express();
  app.use(enforceExpress(enforcer()));
  app.use("/public", (req, res) => res.json({ caller: req.assize.caller.id, ip: req.ip }));
  app.use((req, res) => res.status(404).end());
  const server = createServer(app).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.on("listening", resolve));
  const { port } = server.address();
  assert.match(await rawGet(port, "/public/x?y=1"), /^HTTP\/1.1 200[^]*"caller":"ann"/);
  assert.match(await rawGet(port, "/admin/x"), /^HTTP\/1.1 403[^]*"code":403/);
  assert.match(await rawGet(port, "/service/x"), /^HTTP\/1.1 401[^]*www-authenticate: SSOADVICE/i);
  // Node hands the target over as it came.
  assert.match(await rawGet(port, "/admin/../public/x"), /^HTTP\/1.1 400/);
  assert.match(await rawGet(port, "/public/%2e%2e/admin/x"), /^HTTP\/1.1 400/);
  const mounted = express();
  mounted.use("/public", enforceExpress(enforcer()), (req, res) => res.end("in"));
  const second = createServer(mounted).listen(0, "127.0.0.1");
  await new Promise((resolve) => second.on("listening", resolve));
  assert.match(await rawGet(second.address().port, "/public/x"), /^HTTP\/1.1 200/, "the whole target counts, not what a router left of it");
  server.close();
  second.close();
});

test("the remote mode has the same interface and asks AM's way", async () => {
  const asked = [];
  const answer = [{ resource: "https://h/a", actions: { GET: true }, attributes: {}, advices: {}, ttl: 9223372036854775807 }];
  const remote = new RemoteClient({
    url: "https://am.example.com/am",
    realm: "/alpha",
    authorize: session("admin"),
    fetch: async (url, { headers, body }) => {
      asked.push([String(url), Object.fromEntries(headers), JSON.parse(body)]);
      return Response.json(answer);
    },
  });
  const question = { resources: ["https://h/a"], policySet: "web", subject: { claims: { sub: "ann" } }, environment: { x: ["y"] } };
  assert.deepEqual(await remote.evaluate(question), { decisions: [{ ...answer[0], ttl: Infinity }], effects: [] });
  await remote.evaluate({ ...question, credential: { ssoToken: "t" }, subject: {} });
  await remote.evaluate({ ...question, credential: { jwt: "j" } });
  const [[url, headers, body], [, , second], [, , third]] = asked;
  assert.equal(url, "https://am.example.com/am/json/realms/root/realms/alpha/policies/?_action=evaluate");
  assert.equal(headers.iplanetdirectorypro, "admin");
  assert.deepEqual(body, { application: "web", subject: { claims: { sub: "ann" } }, environment: { x: ["y"] }, resources: ["https://h/a"] });
  assert.deepEqual([second.subject, third.subject], [{ ssoToken: "t" }, { jwt: "j" }]);
  const tree = await remote.evaluateTree({ resource: "https://h/a", subject: { claims: { sub: "ann" } } });
  assert.equal(tree.allows("https://h/a", "GET"), true);
  assert.equal((await ask("/a", {}, { decider: remote })).status, 503, "a server that answers about something else is not believed");
});

/** A request whose target is sent as it is written. */
function rawGet(port, target) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`));
    let text = "";
    socket.on("data", (data) => (text += data));
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
  });
}

test("what the application's own functions throw denies, and rejects nothing", async () => {
  const incoming = { method: "GET", target: "/public/a", header: () => undefined, ip: undefined };
  const thrown = () => {
    throw new Error("no such thing");
  };
  for (const options of [{ action: thrown }, { resource: thrown }, { environment: thrown }]) {
    const verdict = await enforcer({ anonymous: "decided", ...options }).check(incoming);
    assert.equal(verdict.allowed, false);
  }
});
