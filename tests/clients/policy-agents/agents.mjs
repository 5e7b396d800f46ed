// The two policy agents for Node, @forgerock/openam-agent 5 and openam-agent 3, guard an Express application by asking a
// running server: sessions, decisions, passwords, profiles, and a session of their own that they renew.
//
//   node agents.mjs BASE_URL ADMINISTRATOR_PASSWORD
//
// The server's setting `cookie_domain` is 127.0.0.1.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import express from "express";
import { COOKIE, administrator, isValid, json, session } from "./administrator.mjs";

// Both end the process when they are told of its end; this script ends by itself.
process.env.NODE_ENV = "test";
const require = createRequire(import.meta.url);
const five = require("@forgerock/openam-agent");
const three = require("openam-agent");

const [base, password] = process.argv.slice(2);
const am = `${base}/am`;
const set = "agents-shop";
const users = { agent: "Agent.secret-1", alice: "Alice.secret-1", bob: "Bob.secret-1" };
let passed = 0;

const { rest } = await administrator(am, password);

// The agent's own account may ask for decisions and nothing else.
for (const [username, userpassword] of Object.entries(users)) {
  const mail = `${username}@example.com`;
  await rest("POST", "/users?_action=create", { username, userpassword, mail });
}
await rest("POST", "/groups?_action=create", { username: "agents" });
const grant = { members: { uniqueMember: ["agent"] }, privileges: { EntitlementRestAccess: true } };
await rest("PUT", "/groups/agents", grant, "protocol=2.1,resource=4.0");
const dn = (await rest("GET", "/users/alice")).universalid[0];
const type = await rest("POST", "/resourcetypes?_action=create", {
  name: "Agents' pages",
  patterns: ["/*", "/*?*"],
  actions: { GET: false, POST: false },
});
await rest("POST", "/applications?_action=create", {
  name: set,
  applicationType: "iPlanetAMWebAgentService",
  resourceTypeUuids: [type.uuid],
  subjects: ["Identity", "AuthenticatedUsers"],
  conditions: [],
  entitlementCombiner: "DenyOverride",
});
// Agents ask with the path and the query alone.
await rest("POST", "/policies?_action=create", {
  name: "agents-alice-reads",
  active: true,
  applicationName: set,
  resourceTypeUuid: type.uuid,
  resources: ["/shop/*", "/shop/*?*"],
  actionValues: { GET: true, POST: false },
  subject: { type: "Identity", subjectValues: [dn] },
});

// What both agents have in common, with the names that each gives it.
const account = { username: "agent", password: users.agent };
const options = { serverUrl: am, privateIP: "127.0.0.1", logLevel: "none", ...account };
const agents = {
  "@forgerock/openam-agent 5.0.1": {
    make: (more) => new five.PolicyAgent({ ...options, realm: "/", ...more }),
    cookies: (settings) => new five.CookieShield(settings),
    policies: () => new five.PolicyShield(set),
    passwords: () => new five.BasicAuthShield({}),
    own: async (agent) => (await agent.getAgentSession()).tokenId,
    // What this agent knows of a valid session is what validation tells: it asks for no profile without a `dn` there.
    profile: false,
    end: (agent) => agent.destroy(),
  },
  "openam-agent 3.1.2": {
    make: (more) => three({ ...options, ...more }),
    cookies: (settings) => three.cookieShield(settings),
    policies: () => three.policyShield(set),
    passwords: () => three.basicAuthShield({}),
    own: (agent) => agent.agentSession.sessionId,
    profile: true,
    end: (agent) => agent.sessionCache.quit(),
  },
};

for (const [version, { make, cookies, policies, passwords, own, profile, end }] of Object.entries(agents)) {
  const check = async (name, work) => {
    await work();
    passed += 1;
    console.log(`ok ${version} ${name}`);
  };
  const agent = make();
  const application = express();
  const shown = (request, answer) => answer.json(request.session);
  application.use("/session", agent.shield(cookies({ noRedirect: true, getProfiles: profile })), shown);
  application.use("/redirected", agent.shield(cookies()), shown);
  application.use("/free", agent.shield(cookies({ passThrough: true })), shown);
  application.use("/password", agent.shield(passwords()), shown);
  application.all(/.*/, agent.shield(cookies({ noRedirect: true })), agent.shield(policies()), shown);
  const listening = application.listen(0, "127.0.0.1");
  await once(listening, "listening");
  const home = `http://127.0.0.1:${listening.address().port}`;
  const ask = (path, { token, method = "GET", headers = {} } = {}) => {
    const all = token ? { Cookie: `${COOKIE}=${token}`, ...headers } : headers;
    return fetch(home + path, { method, headers: all, redirect: "manual" });
  };
  const alice = await session(am, "alice", users.alice);
  const bob = await session(am, "bob", users.bob);

  await check("lets a valid session in, and no other", async () => {
    const seen = await json(await ask("/session", { token: alice }));
    assert.equal(seen.key, alice);
    // Version 3 puts the profile over what validation told: attributes are lists.
    assert.deepEqual([seen.data.valid, seen.data.realm], [true, "/"]);
    assert.deepEqual([seen.data.uid].flat(), ["alice"]);
    if (profile) assert.deepEqual([seen.data.username, seen.data.mail], ["alice", ["alice@example.com"]]);
    assert.equal((await ask("/session", { token: "garbage" })).status, 401);
    assert.equal((await ask("/session")).status, 401);
    assert.deepEqual((await json(await ask("/free"))).data, {});
  });
  await check("sends whoever has no session to the login page", async () => {
    const answer = await ask("/redirected?a=b");
    assert.equal(answer.status, 302);
    const location = answer.headers.get("location");
    assert.ok(location.startsWith(`${am}`) && location.includes(encodeURIComponent(home)), location);
  });
  await check("serves what a policy permits, and nothing else", async () => {
    // The first question finds no session of the agent's own: it logs in and asks again.
    const seen = await json(await ask("/shop/cart?id=1", { token: alice }));
    assert.deepEqual(seen.data.policies[0].actions, { GET: true, POST: false });
    assert.equal((await ask("/shop/cart", { token: alice, method: "POST" })).status, 403);
    assert.equal((await ask("/office", { token: alice })).status, 403);
    assert.equal((await ask("/shop/cart?id=1", { token: bob })).status, 403);
    assert.equal((await ask("/shop/cart?id=1")).status, 401);
  });
  await check("logs in again when its own session has ended", async () => {
    const before = await own(agent);
    await json(
      await fetch(`${am}/json/sessions?_action=logout`, { method: "POST", headers: { [COOKIE]: before } }),
    );
    await ask("/shop/cart?id=2", { token: alice });
    await json(await ask("/shop/cart?id=2", { token: alice }));
    assert.notEqual(await own(agent), before);
  });
  await check("sees at once what a policy says now", async () => {
    const policy = await rest("GET", "/policies/agents-alice-reads");
    await rest("PUT", "/policies/agents-alice-reads", { ...policy, active: false });
    assert.equal((await ask("/shop/cart", { token: alice })).status, 403);
    await rest("PUT", "/policies/agents-alice-reads", { ...policy, active: true });
    assert.equal((await ask("/shop/cart", { token: alice })).status, 200);
  });
  await check("checks passwords", async () => {
    const basic = (name, secret) => ({ Authorization: `Basic ${btoa(`${name}:${secret}`)}` });
    const challenge = await ask("/password");
    assert.equal(challenge.status, 401);
    assert.match(challenge.headers.get("www-authenticate"), /^Basic /);
    const seen = await json(await ask("/password", { headers: basic("bob", users.bob) }));
    assert.equal(seen.data.username, "bob");
    const refused = await ask("/password", { headers: basic("bob", "wrong") });
    assert.ok(refused.status === 401 || refused.status === 500, `${refused.status}`);
  });
  await check("gets no decisions with an account that may not ask for them", async () => {
    const another = make({ username: "bob", password: users.bob });
    const guarded = express().all(/.*/, another.shield(cookies({ noRedirect: true })), another.shield(policies()), shown);
    const port = guarded.listen(0, "127.0.0.1");
    await once(port, "listening");
    const headers = { Cookie: `${COOKIE}=${alice}` };
    const refused = await fetch(`http://127.0.0.1:${port.address().port}/shop/cart`, { headers });
    assert.ok([403, 500].includes(refused.status), `${refused.status}`);
    port.close();
    await end(another);
  });
  await check("logs out", async () => {
    const last = await own(agent);
    await end(agent);
    // Version 3 leaves its session to expire.
    assert.equal(await isValid(am, last), profile);
  });
  listening.close();
  listening.closeAllConnections();
}
console.log(`${passed} checks of policy agents passed`);
process.exit(0);
