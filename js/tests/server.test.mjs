// Against the real server: a worker in workerd and a client in Node hold a bundle that it publishes.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { allows, clientCredentials, PolicyClient, remoteKeySet, RemoteClient, session } from "assize";
import { ANN, bundleOf, policy } from "./support/bundles.mjs";
import { project, put } from "./support/packed.mjs";
import { Publisher, signingKey } from "./support/publisher.mjs";
import { Server } from "./support/server.mjs";
import { bundleWorker, serveWorker } from "./support/workerd.mjs";

const URL_TYPE = "76656a38-5f8e-401b-83aa-4ccb74ce88d2";
const page = "https://www.example.com:443/index.html";
const MAX_AGE = 30;
let server, edge, keys;

const pages = (get) => ({ ...policy("pages", "/*", { actionValues: { GET: get } }), resourceTypeUuid: URL_TYPE });

before(async () => {
  server = await Server.start();
  await server.putPolicy(pages(true));
  await server.createUser("edge");
  await server.createUser("stranger");
  await server.createBundle({
    name: "web",
    policySets: ["iPlanetAMWebAgentService"],
    maxAge: MAX_AGE,
    readers: ["id=edge,ou=user,dc=openam,dc=example,dc=org"],
  });
  edge = await server.login("edge");
  keys = await server.keys();
});

after(() => server.stop());

async function until(holds, what) {
  const begun = performance.now();
  for (let tries = 0; tries < 600; tries += 1) {
    if (await holds()) return performance.now() - begun;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return assert.fail(`it never came to this: ${what}`);
}

test("a client in Node follows the server", async () => {
  const client = new PolicyClient({ url: server.bundleUrl("web"), keys: remoteKeySet(`${server.origin}/.well-known/assize-bundle-keys`), authorize: session(edge) });
  const get = async () => allows((await client.evaluate({ resources: [page], subject: ANN })).decisions[0], "GET");
  assert.equal(await get(), true);
  const { revision } = client.status();
  await server.putPolicy(pages(false));
  const took = await until(async () => !(await get()), "the change is denied");
  console.log(`policy changed → denied in Node: ${took.toFixed(0)} ms after the write was answered`);
  assert.ok(client.status().revision > revision);
  client.close();
  await server.putPolicy(pages(true));
});

test("the server decides as the bundle does, by the same interface", async () => {
  const local = new PolicyClient({ url: server.bundleUrl("web"), keys, authorize: session(edge), refresh: "demand" });
  const remote = new RemoteClient({ url: server.am, authorize: session(server.admin) });
  const question = { resources: [page, "https://www.example.com/a?b=c", "https://other.example.com/"], subject: ANN };
  const [here, there] = [await local.evaluate(question), await remote.evaluate(question)];
  assert.deepEqual(here.decisions, there.decisions);
  const root = { resource: "https://www.example.com/", subject: ANN };
  const [mine, its] = [await local.evaluateTree(root), await remote.evaluateTree(root)];
  assert.deepEqual(mine.entries, its.entries);
  assert.deepEqual(mine.decide(page), its.decide(page));
  await assert.rejects(remote.evaluate({ ...question, policySet: "none" }), (error) => error.code === "refused" && error.status === 404);
});

test("only its readers may fetch a bundle", async () => {
  for (const authorize of [session(await server.login("stranger")), undefined, session("no session")]) {
    const client = new PolicyClient({ url: server.bundleUrl("web"), keys, ...(authorize && { authorize }) });
    await assert.rejects(client.ready(), (error) => error.code === "noBundle" && [401, 403, 404].includes(error.cause.status));
    client.close();
  }
});

test("an OAuth client of the server fetches what it is a reader of, and nothing else", async () => {
  const { client_id: clientId, client_secret: clientSecret } = server.createClient("edge worker", "1");
  await server.createBundle({ name: "for-clients", policySets: ["iPlanetAMWebAgentService"], maxAge: MAX_AGE, readers: [clientId] });
  const authorize = clientCredentials({ tokenUrl: `${server.origin}/connect/token`, clientId, clientSecret });
  const client = new PolicyClient({ url: server.bundleUrl("for-clients"), keys, authorize, refresh: "demand" });
  assert.equal(allows((await client.evaluate({ resources: [page], subject: ANN })).decisions[0], "GET"), true);
  const wrong = clientCredentials({ tokenUrl: `${server.origin}/connect/token`, clientId, clientSecret: `${clientSecret}x` });
  await assert.rejects(new PolicyClient({ url: server.bundleUrl("for-clients"), keys, authorize: wrong, refresh: "demand" }).ready(), (error) => error.cause.status === 401);
});

test("a worker: current within a second, closed when too old, deaf to forgeries", async (t) => {
  // Between worker and server, so that the server can be away and what it says can be changed.
  const between = { fault: undefined };
  const proxy = createServer(async (request, response) => {
    try {
      const own = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !["host", "connection"].includes(name)));
      const answer = await fetch(server.origin + request.url, { headers: own, signal: closing(response) });
      const headers = Object.fromEntries([...answer.headers].filter(([name]) => !["content-length", "transfer-encoding", "connection", "content-encoding"].includes(name)));
      if (/\/bundles\/web$/.test(request.url) && answer.status === 200) {
        const body = Buffer.from(await answer.arrayBuffer());
        between.last = body;
        response.writeHead(200, headers).end((await between.fault?.(body)) ?? body);
        return;
      }
      response.writeHead(answer.status, headers);
      for await (const chunk of answer.body ?? []) response.write(chunk);
      response.end();
    } catch {
      response.destroy();
    }
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  t.after(() => (proxy.closeAllConnections(), proxy.close()));

  const folder = project("worker-client");
  put(folder, {
    "worker.mjs": `import { allows, PolicyClient, session } from "assize";
      let [ahead, client] = [0, undefined];
      export default {
        async fetch(request, env, context) {
          const url = new URL(request.url);
          ahead += Number(url.searchParams.get("later") ?? 0);
          client ??= new PolicyClient({ url: env.URL, keys: JSON.parse(env.KEYS), authorize: session(env.TOKEN), refresh: "demand",
            confirmWithin: Number(env.WITHIN), timeout: 2000, clock: () => Date.now() + ahead });
          if (env.FOLLOW !== "") client.attend(context, 20_000);
          const refreshed = url.pathname === "/refresh" ? await client.refresh().then(() => "yes", (error) => error.code) : undefined;
          const answer = await client.evaluate({ resources: ["${page}"], subject: ${JSON.stringify(ANN)} }).catch((error) => ({ error: error.code }));
          const { revision, state, age, floor, lastError } = client.status();
          return Response.json({ refreshed, allowed: allows(answer.decisions?.[0], "GET"), denied: answer.denied?.code, error: answer.error, revision, state, age, floor, lastError: lastError?.code });
        },
      };`,
  });
  const built = await bundleWorker(folder, "worker.mjs");
  const url = server.bundleUrl("web").replace(server.origin, `http://127.0.0.1:${proxy.address().port}`);
  const vars = { URL: url, KEYS: JSON.stringify(keys), TOKEN: edge };
  const start = async (more) => {
    const worker = await serveWorker(built, { ...vars, ...more });
    t.after(worker.stop);
    return async (path = "/") => (await fetch(worker.url + path)).json();
  };

  // Following: the notice comes by the stream of an earlier request, and nothing is asked per decision.
  const following = await start({ WITHIN: "1000000000", FOLLOW: "yes" });
  assert.equal((await following()).allowed, true);
  await server.putPolicy(pages(false));
  const streamed = await until(async () => !(await following()).allowed, "the following worker denies");
  console.log(`policy changed → denied by the worker that follows: ${streamed.toFixed(0)} ms after the write was answered`);
  await server.putPolicy(pages(true));
  await until(async () => (await following()).allowed, "the following worker allows again");

  // On demand: a decision asks first when the last answer is older than a second.
  const asking = await start({ WITHIN: "1000", FOLLOW: "" });
  assert.equal((await asking()).allowed, true);
  await server.putPolicy(pages(false));
  const asked = await until(async () => !(await asking()).allowed, "the asking worker denies");
  console.log(`policy changed → denied by the worker that asks: ${asked.toFixed(0)} ms after the write was answered`);
  await server.putPolicy(pages(true));
  await until(async () => (await asking()).allowed, "the asking worker allows again");

  // Forgeries, for a worker that decides by what it holds until it is told to ask.
  const holding = await start({ WITHIN: "1000000000", FOLLOW: "" });
  const held = await holding();
  assert.equal(held.allowed, true);
  const old = between.last;
  await server.putPolicy(pages(false));
  const forger = new Publisher({ name: "web", maxAge: 1_000_000 });
  const open = bundleOf([policy("pages", "/*")]);
  const kid = keys.keys[0].kid;
  const faults = {
    tampered: [(body) => Buffer.concat([body.subarray(0, -3), Buffer.from([1, 2, 3])]), "badDigest"],
    truncated: [(body) => body.subarray(0, body.length - 50), "badDigest"],
    "cut off in the signed line": [(body) => body.subarray(0, 100), "badSeal"],
    "replayed, older": [() => old, "olderRevision"],
    "signed by a stranger": [() => forger.seal(open, 2 ** 50), "badSignature"],
    "signed by a stranger under the server's key id": [() => forger.seal(open, 2 ** 50, { key: { ...signingKey(), kid } }), "badSignature"],
    "another bundle's bytes under the right signature": [(body) => Buffer.concat([body.subarray(0, body.indexOf(10) + 1), open]), "badDigest"],
  };
  for (const [what, [fault, wanted]] of Object.entries(faults)) {
    between.fault = fault;
    const { refreshed, allowed, revision } = await holding("/refresh");
    assert.deepEqual({ refreshed, allowed, revision }, { refreshed: wanted, allowed: true, revision: held.revision }, what);
  }
  between.fault = undefined;
  const current = await holding("/refresh");
  assert.deepEqual([current.refreshed, current.allowed], ["yes", false]);
  await server.putPolicy(pages(true));
  await holding("/refresh");

  // The server is away: decisions go on, until the bundle is too old.
  await until(async () => (await asking()).allowed, "the asking worker holds the last change");
  await server.stop();
  const alone = await asking(`/?later=${(MAX_AGE - 10) * 1000}`);
  assert.deepEqual([alone.allowed, alone.state, alone.lastError], [true, "fresh", "unreachable"]);
  const stale = await asking("/?later=11000");
  assert.deepEqual([stale.allowed, stale.state, stale.denied], [false, "stale", "staleBundle"]);
  assert.equal((await holding(`/?later=${MAX_AGE * 1000 + 1}`)).allowed, false);
});

function closing(response) {
  const controller = new AbortController();
  response.on("close", () => controller.abort());
  return controller.signal;
}
