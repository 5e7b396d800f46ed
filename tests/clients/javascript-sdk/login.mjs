// ForgeRock's JavaScript SDK against a running server: the conversation of a log-in, its failures, log-out, and the log-in
// that a policy's advice asks for, at a resource server that puts the server's own answer through.
//
//   node login.mjs BASE_URL ADMINISTRATOR_PASSWORD

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { CallbackType, Config, FRAuth, HttpClient, SessionManager, StepType } from "@forgerock/javascript-sdk";
import { COOKIE, administrator, isValid, json } from "./administrator.mjs";

const [base, password] = process.argv.slice(2);
const am = `${base}/am`;
const secret = "Sdk-user.secret1";
const urlType = "76656a38-5f8e-401b-83aa-4ccb74ce88d2";
const plainFetch = globalThis.fetch;
let passed = 0;

async function check(name, work) {
  await work();
  passed += 1;
  console.log(`ok @forgerock/javascript-sdk 4.9.1 ${name}`);
}

const { rest, token: own } = await administrator(am, password);

// A user of the root realm, and one of a realm beneath it.
await rest("POST", "/global-config/realms?_action=create", { name: "sdk", parentPath: "/", active: true, aliases: [] });
for (const realm of ["", "/sdk"]) {
  const username = realm ? "sally" : "sam";
  await rest("POST", `${realm}/users?_action=create`, { username, userpassword: secret });
}
await rest("POST", "/realm-config/authentication/modules/datastore?_action=create", {
  _id: "SdkHigh",
  authenticationLevel: 5,
});
await rest("POST", "/realm-config/authentication/chains?_action=create", {
  _id: "SdkStepUp",
  authChainConfiguration: [{ module: "SdkHigh", criteria: "REQUIRED", options: {} }],
});
await rest("POST", "/applications?_action=create", {
  name: "sdk-bank",
  applicationType: "iPlanetAMWebAgentService",
  resourceTypeUuids: [urlType],
});
const policy = (name, path, condition) =>
  rest("PUT", `/policies/${name}`, {
    applicationName: "sdk-bank",
    resourceTypeUuid: urlType,
    resources: [`https://bank.example.com:443${path}`],
    actionValues: { GET: true },
    subject: { type: "AuthenticatedUsers" },
    condition,
  });
await policy("sdk-open", "/news");
await policy("sdk-step-up", "/account", { type: "AuthenticateToService", authenticateToService: "SdkStepUp" });

// What a browser does by itself: cookies, which belong to a host whatever its port.
const jar = new Map();
const requests = [];
globalThis.fetch = async (input, init = {}) => {
  const headers = new Headers(init.headers);
  if (jar.size > 0) headers.set("cookie", [...jar].map(([name, value]) => `${name}=${value}`).join("; "));
  const answer = await plainFetch(input, { ...init, headers });
  requests.push({ url: `${input?.url ?? input}`, status: answer.status });
  for (const each of answer.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(each);
    if (/max-age=0/i.test(each)) jar.delete(name);
    else jar.set(name, value);
  }
  return answer;
};
const tokenStore = { get: async () => undefined, set: async () => undefined, remove: async () => undefined };
const configure = (realmPath) =>
  Config.set({ serverConfig: { baseUrl: `${am}/`, timeout: 10_000 }, realmPath, tokenStore });
configure("root");

function fill(step, name, userPassword = secret) {
  step.getCallbackOfType(CallbackType.NameCallback).setName(name);
  step.getCallbackOfType(CallbackType.PasswordCallback).setPassword(userPassword);
  return step;
}

await check("logs in by callbacks", async () => {
  const step = await FRAuth.start();
  assert.equal(step.type, StepType.Step);
  assert.deepEqual(step.callbacks.map((each) => each.getType()), ["NameCallback", "PasswordCallback"]);
  assert.ok(step.getCallbackOfType(CallbackType.NameCallback).getPrompt());
  const done = await FRAuth.next(fill(step, "sam"));
  assert.equal(done.type, StepType.LoginSuccess, JSON.stringify(done.payload));
  assert.equal(done.getRealm(), "/");
  assert.equal(jar.get(COOKIE), done.getSessionToken());
  assert.equal(await isValid(am, done.getSessionToken()), true);
});
await check("begins another log-in beside a session, which lives on", async () => {
  const before = jar.get(COOKIE);
  const done = await FRAuth.next(fill(await FRAuth.start(), "sam"));
  assert.notEqual(done.getSessionToken(), before);
  assert.deepEqual([await isValid(am, before), await isValid(am, jar.get(COOKIE))], [true, true]);
});
await check("logs out", async () => {
  const token = jar.get(COOKIE);
  const answer = await SessionManager.logout();
  assert.equal(answer.status, 200);
  assert.equal(await isValid(am, token), false);
  assert.equal((await FRAuth.start()).type, StepType.Step);
});
await check("is refused with a wrong password, and may begin again", async () => {
  jar.clear();
  const failure = await FRAuth.next(fill(await FRAuth.start(), "sam", "wrong"));
  assert.equal(failure.type, StepType.LoginFailure);
  assert.equal(failure.getCode(), 401);
  assert.ok(failure.getMessage());
  const unknown = await FRAuth.next(fill(await FRAuth.start(), "nobody"));
  assert.equal(unknown.getMessage(), failure.getMessage(), "who exists is not told");
  assert.equal(jar.has(COOKIE), false);
  assert.equal((await FRAuth.next(fill(await FRAuth.start(), "sam"))).type, StepType.LoginSuccess);
});
await check("logs in to a realm beneath, by its service", async () => {
  jar.clear();
  configure("sdk");
  const step = await FRAuth.start({ tree: "ldapService" });
  assert.equal(step.type, StepType.Step);
  const done = await FRAuth.next(fill(step, "sally"));
  assert.equal(done.type, StepType.LoginSuccess);
  assert.equal(done.getRealm(), "/sdk");
  // Users of one realm are not those of another.
  jar.clear();
  const stranger = await FRAuth.next(fill(await FRAuth.start(), "sam"));
  assert.equal(stranger.type, StepType.LoginFailure);
  configure("root");
});
await check("is told of a service that there is not", async () => {
  jar.clear();
  const failure = await FRAuth.start({ tree: "Nowhere" });
  assert.equal(failure.type, StepType.LoginFailure);
  assert.ok(failure.getCode() >= 400 && failure.getMessage());
});

// A resource server as the SDK's own samples have it: it asks with a session of its own in a header, gives the decision's
// first element on as it is when there are advices, and serves where the action is allowed.
const resources = createServer(async (request, answer) => {
  const give = (status, body) => answer.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  const session = /iPlanetDirectoryPro=([^;]+)/.exec(request.headers.cookie ?? "")?.[1];
  if (!session) return give(401, {});
  const asked = await plainFetch(`${am}/json/realms/root/policies/?_action=evaluate`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Accept-API-Version": "resource=2.1", [COOKIE]: own },
    body: JSON.stringify({
      application: "sdk-bank",
      resources: [`https://bank.example.com:443${request.url}`],
      subject: { ssoToken: session },
    }),
  });
  const [decision] = await json(asked);
  if (decision.actions.GET) return give(200, { balance: 5 });
  return Object.keys(decision.advices).length > 0 ? give(200, decision) : give(401, {});
});
resources.listen(0, "127.0.0.1");
await once(resources, "listening");
const at = (path) => `http://127.0.0.1:${resources.address().port}${path}`;
const get = (path, handleStep) =>
  HttpClient.request({
    url: at(path),
    init: { method: "GET" },
    timeout: 10_000,
    ...(handleStep && { authorization: { handleStep } }),
  });

await check("is served what needs no other log-in, and nothing without one", async () => {
  jar.clear();
  assert.equal((await get("/news")).status, 401);
  await FRAuth.next(fill(await FRAuth.start(), "sam"));
  assert.equal((await (await get("/news")).json()).balance, 5);
  assert.equal((await get("/elsewhere")).status, 401);
});
await check("carries out the log-in that an advice asks for", async () => {
  const before = jar.get(COOKIE);
  const decision = await (await get("/account")).json();
  assert.match(decision.advices.AuthenticateToServiceConditionAdvice[0], /SdkStepUp$/);
  requests.length = 0;
  const answer = await get("/account", async (step) => fill(step, "sam"));
  assert.equal((await json(answer)).balance, 5);
  assert.ok(requests.some(({ url }) => url.includes("authIndexType=composite_advice")), JSON.stringify(requests));
  assert.notEqual(jar.get(COOKIE), before);
  assert.equal((await (await get("/account")).json()).balance, 5);
});
await check("gets nothing when that log-in fails", async () => {
  jar.clear();
  await FRAuth.next(fill(await FRAuth.start(), "sam"));
  await assert.rejects(get("/account", async (step) => fill(step, "sam", "wrong")));
  const decision = await (await get("/account")).json();
  assert.ok(decision.advices.AuthenticateToServiceConditionAdvice);
});

resources.close();
resources.closeAllConnections();
console.log(`${passed} checks of ForgeRock's JavaScript SDK passed`);
