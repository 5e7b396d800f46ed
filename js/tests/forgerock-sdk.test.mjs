// ForgeRock's JavaScript SDK against a resource server that this package guards: the policy asks for another log-in, the SDK
// carries it out at the real server, and comes back.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { CallbackType, Config, HttpClient } from "@forgerock/javascript-sdk";
import { Enforcer, RemoteClient, session, sessionSubject } from "assize";
import { enforce } from "assize/express";
import express from "express";
import { policy } from "./support/bundles.mjs";
import { PASSWORD, Server } from "./support/server.mjs";

const URL_TYPE = "76656a38-5f8e-401b-83aa-4ccb74ce88d2";
/** Without the cookies of the browser, which are not the resource server's. */
const plainFetch = globalThis.fetch;
const jar = new Map();
let server, resources, seen, form;

before(async () => {
  server = await Server.start();
  await server.createUser("bob");
  const everybody = { subject: { type: "AuthenticatedUsers" }, resourceTypeUuid: URL_TYPE };
  await server.putPolicy({ ...policy("plain", "/plain", everybody), ...everybody });
  await server.putPolicy({ ...policy("step up", "/account", everybody), ...everybody, condition: { type: "AuthenticateToService", authenticateToService: "ldapService" } });
  await server.putPolicy({
    ...policy("confirm", "/transfer", everybody),
    ...everybody,
    condition: { type: "Transaction", authenticationStrategy: "AuthenticateToServiceConditionAdvice", strategySpecifier: "ldapService" },
  });

  const log = [];
  seen = log;
  const decider = new RemoteClient({ url: server.am, authorize: session(server.admin), fetch: plainFetch });
  const enforcerOf = (advice) =>
    new Enforcer({ decider, origin: "https://www.example.com", subject: sessionSubject({ url: server.am, lifetime: 0, fetch: plainFetch }), advice: { amUrl: `${server.am}/`, ...advice }, log: (record) => void log.push(record) });
  const guards = { challenge: enforce(enforcerOf({ form: "challenge" })), body: enforce(enforcerOf({ form: "body" })) };
  const app = express();
  app.use((request, response, next) => guards[form](request, response, next));
  app.use((request, response) => response.json({ balance: 5, caller: request.assize.caller.id }));
  resources = createServer(app).listen(0, "127.0.0.1");
  await new Promise((resolve) => resources.on("listening", resolve));

  // What a browser does by itself: cookies, which belong to a host whatever its port.
  globalThis.fetch = async (input, init = {}) => {
    const headers = new Headers(init.headers);
    if (jar.size > 0) headers.set("cookie", [...jar].map(([name, value]) => `${name}=${value}`).join("; "));
    const response = await plainFetch(input, { ...init, headers });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      jar.set(name, value);
    }
    return response;
  };
  const tokens = { get: async () => undefined, set: async () => undefined, remove: async () => undefined };
  Config.set({ serverConfig: { baseUrl: `${server.am}/`, timeout: 10_000 }, realmPath: "root", tokenStore: tokens });
});

after(async () => {
  globalThis.fetch = plainFetch;
  resources?.close();
  await server?.stop();
});

const url = (path) => `http://127.0.0.1:${resources.address().port}${path}`;

/** A session that has not been made by the service which the policy asks for. */
async function logInByModule() {
  jar.clear();
  const headers = { "x-openam-username": "bob", "x-openam-password": PASSWORD, "accept-api-version": "resource=2.0, protocol=1.0" };
  const response = await plainFetch(`${server.am}/json/authenticate?authIndexType=module&authIndexValue=DataStore`, { method: "POST", headers });
  jar.set("iPlanetDirectoryPro", (await response.json()).tokenId);
}

async function handleStep(step) {
  step.getCallbackOfType(CallbackType.NameCallback).setName("bob");
  step.getCallbackOfType(CallbackType.PasswordCallback).setPassword(PASSWORD);
  return step;
}

test("what is allowed is served, without advices that the SDK would take for some", async () => {
  form = "challenge";
  await logInByModule();
  const response = await HttpClient.request({ url: url("/plain"), init: { method: "GET" }, timeout: 10_000 });
  const body = await response.json();
  assert.equal(response.status, 200);
  assert.deepEqual(Object.keys(body), ["balance", "caller"]);
  assert.match(body.caller, /^id=bob,/);
});

for (const kind of ["challenge", "body"]) {
  test(`a service advice as ${kind}: the SDK logs in again, and is served`, async () => {
    form = kind;
    await logInByModule();
    seen.length = 0;
    const first = jar.get("iPlanetDirectoryPro");
    let steps = 0;
    const response = await HttpClient.request({
      url: url("/account"),
      init: { method: "GET" },
      timeout: 10_000,
      authorization: { handleStep: (step) => ((steps += 1), handleStep(step)) },
    });
    assert.equal(response.status, 200);
    assert.equal((await response.json()).balance, 5);
    assert.equal(steps, 1);
    assert.notEqual(jar.get("iPlanetDirectoryPro"), first, "the session was made anew");
    const outcomes = seen.map(({ outcome }) => outcome);
    assert.deepEqual([outcomes.at(0), outcomes.at(-1)], ["denied", "allowed"]);
    assert.deepEqual(Object.keys(seen[0].advices), ["AuthenticateToServiceConditionAdvice"]);
  });
}

for (const kind of ["challenge", "body"]) {
  test(`a transaction advice as ${kind}: the SDK confirms it, and is served once`, async () => {
    form = kind;
    await logInByModule();
    const transfer = async (handle) => {
      seen.length = 0;
      const response = await HttpClient.request({ url: url("/transfer"), init: { method: "GET" }, timeout: 10_000, authorization: { handleStep: handle } });
      return [response.status, await response.json()];
    };
    const ids = [];
    for (let round = 0; round < 2; round += 1) {
      const [status, body] = await transfer(handleStep);
      assert.deepEqual([status, body.balance], [200, 5]);
      assert.deepEqual([seen.at(0).outcome, seen.at(-1).outcome], ["denied", "allowed"], "each one has to be confirmed anew");
      ids.push(seen.at(-2).advices.TransactionConditionAdvice[0]);
    }
    assert.notEqual(ids[0], ids[1]);
    // What has been used up opens nothing any more.
    const again = await fetch(`${url("/transfer")}?_txid=${ids[0]}`);
    assert.ok([401, 403].includes(again.status));
    assert.notEqual((await again.json()).advices.TransactionConditionAdvice[0], ids[0]);
  });
}

test("a log-in that fails leads nowhere", async () => {
  form = "challenge";
  await logInByModule();
  const wrong = async (step) => {
    await handleStep(step);
    step.getCallbackOfType(CallbackType.PasswordCallback).setPassword("wrong password 1");
    return step;
  };
  await assert.rejects(HttpClient.request({ url: url("/account"), init: { method: "GET" }, timeout: 10_000, authorization: { handleStep: wrong } }), (reason) =>
    /failure/.test(String(reason?.message ?? reason)),
  );
});
