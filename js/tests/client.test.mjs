// The holder of a published bundle: current, verified, and closed when it is too old. The clock is the test's.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, before, beforeEach, test } from "node:test";
import { allows, BundleError, CacheApiCache, clientCredentials, KvCache, loadBundle, MemoryCache, PolicyClient, RemoteError, remoteKeySet } from "assize";
import { FileCache } from "assize/file-cache";
import { ANN, bundleOf, policy } from "./support/bundles.mjs";
import { Publisher, signingKey } from "./support/publisher.mjs";

const page = "https://www.example.com/index.html";
const question = { resources: [page], subject: ANN };
let open, closed, scripted, publisher, now, clients;

before(() => {
  open = bundleOf([policy("pages", "/*")]);
  closed = bundleOf([policy("pages", "/*", { actionValues: { GET: false } })]);
  scripted = bundleOf([policy("s", "/*", { condition: { type: "Script", scriptId: "9de3eb62-f131-4fac-a294-7bd170fd4acb" } })]);
});

beforeEach(async () => {
  now = 1_800_000_000_000;
  clients = [];
  publisher = await new Publisher({ clock: () => now }).listen();
  await publisher.publish(open, 10);
});

afterEach(async () => {
  clients.forEach((client) => client.close());
  await publisher.stop();
});

function client(options = {}) {
  const made = new PolicyClient({ url: publisher.url, keys: publisher.keys, clock: () => now, timeout: 2_000, refresh: "demand", confirmWithin: Infinity, ...options });
  clients.push(made);
  return made;
}

const get = async (holder) => allows((await holder.evaluate(question)).decisions[0], "GET");
const code = (expected) => (error) => error instanceof BundleError && error.code === expected;

/** Waits for something that happens in the background. */
async function until(holds, what) {
  for (let tries = 0; tries < 500; tries += 1) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`it never came to this: ${what}`);
}

test("the first decision loads the bundle; one download serves all who wait", async () => {
  const holder = client();
  assert.deepEqual(holder.status(), { state: "empty", floor: 0 });
  assert.deepEqual(await Promise.all(Array.from({ length: 20 }, () => get(holder))), Array(20).fill(true));
  assert.equal(publisher.requests.filter(({ what }) => what === "").length, 1);
  const status = holder.status();
  assert.deepEqual(
    { ...status, digest: undefined },
    { state: "fresh", realm: "/", name: "web", revision: 10, digest: undefined, source: "server", confirmedAt: now, age: 0, maxAge: 60_000, floor: 10 },
  );
  assert.equal(status.digest, holder.bundle.digest);
});

for (const [transport, faults] of [["events", {}], ["long polls", { noEvents: true }]]) {
  test(`a change is heard of by ${transport} and takes the old bundle's place at once`, async () => {
    publisher.faults = faults;
    const seen = [];
    const holder = client({ refresh: "events", onChange: ({ revision }) => seen.push(revision) });
    assert.equal(await get(holder), true);
    await until(() => publisher.streams.size + publisher.polls.size > 0, "somebody listens");
    await publisher.publish(closed, 11);
    await until(() => holder.status().revision === 11, "revision 11 is held");
    assert.equal(await get(holder), false);
    assert.deepEqual(seen, [10, 11]);
  });
}

test("notices keep a bundle young; without them it grows too old, and then everything is denied", async () => {
  const holder = client();
  assert.equal(await get(holder), true);
  now += 50_000;
  await holder.refresh();
  assert.equal(holder.status().age, 0);
  now += 60_000;
  assert.equal(await get(holder), true, "at the limit");
  now += 1;
  assert.equal(await get(holder), false, "past the limit");
  const answer = await holder.evaluate(question);
  assert.equal(answer.denied.code, "staleBundle");
  assert.deepEqual(answer.decisions, [{ resource: page, actions: {}, attributes: {}, advices: {}, ttl: now }]);
  const tree = await holder.evaluateTree({ resource: "https://www.example.com/", subject: ANN });
  assert.equal(tree.allows(page, "GET"), false);
  assert.equal(holder.status().state, "stale");
  await holder.refresh();
  assert.equal(await get(holder), true, "a new notice, and it decides again");
  assert.equal(publisher.requests.filter(({ what }) => what === "").length, 1, "the bundle itself was fetched once");
});

test("the client's own limit lowers the age that the bundle allows, and never raises it", async () => {
  const [less, more] = [client({ maxAge: 10 }), client({ maxAge: 1000 })];
  assert.deepEqual([await get(less), await get(more)], [true, true]);
  now += 10_001;
  assert.deepEqual([await get(less), await get(more)], [false, true]);
  now += 50_000;
  assert.equal(await get(more), false);
});

test("a server that is away: the held bundle decides on, until it is too old", async () => {
  const holder = client({ refresh: "demand", confirmWithin: 1_000 });
  assert.equal(await get(holder), true);
  const { port } = publisher;
  await publisher.stop();
  now += 30_000;
  assert.equal(await get(holder), true);
  assert.ok(holder.status().lastError instanceof RemoteError);
  now += 30_001;
  assert.equal(await get(holder), false);
  await publisher.listen(port);
  now += 1_000;
  assert.equal(await get(holder), true);
  assert.equal(holder.status().lastError, undefined);
});

test("what is tampered with, cut off, old, or wrongly signed is refused, and the old bundle stays", async () => {
  const holder = client();
  assert.equal(await get(holder), true);
  const good = publisher.sealed;
  const next = await publisher.seal(closed, 11);
  const tampered = Buffer.from(next);
  tampered[next.length - 9] ^= 4;
  const cases = [
    ["tampered", tampered, "badDigest"],
    ["cut off", next.subarray(0, next.length - 100), "badDigest"],
    ["cut off in its first line", next.subarray(0, 40), "badSeal"],
    ["an older one", await publisher.seal(closed, 9), "olderRevision"],
    ["one that a notice has made old", good, "olderRevision"],
    ["signed by a stranger", await publisher.seal(closed, 11, { key: signingKey() }), "badSignature"],
    ["of another realm", await publisher.seal(closed, 11, { realm: "/other" }), "wrongBundle"],
    ["of another name", await publisher.seal(closed, 11, { name: "other" }), "wrongBundle"],
    ["no bundle", Buffer.from("<html>"), "badSeal"],
    ["nothing", Buffer.alloc(0), "badSeal"],
    ["signed, but garbage", await sealGarbage(), "badBundle"],
  ];
  publisher.revision = 11;
  for (const [what, sealed, wanted] of cases) {
    publisher.sealed = sealed;
    publisher.etag = `"${what}"`;
    await assert.rejects(holder.refresh(), code(wanted), what);
    assert.equal(await get(holder), true, what);
    assert.equal(holder.status().revision, 10, what);
  }
  assert.equal(holder.status().floor, 11, "the client knows that there is something newer");
  now += 60_001;
  assert.equal(await get(holder), false, "a notice about revision 11 does not make revision 10 younger");
  publisher.sealed = await publisher.seal(closed, 11);
  await holder.refresh();
  assert.equal(holder.status().revision, 11);

  async function sealGarbage() {
    const bytes = Buffer.from("ASZBNDL\0 and then nothing that makes sense");
    const { createHash } = await import("node:crypto");
    const hash = createHash("sha256").update(bytes).digest("hex");
    const { jws } = await import("./support/publisher.mjs");
    const payload = { iss: publisher.issuer, realm: "/", name: "web", revision: 11, digest: hash, bytes_sha256: hash, issuedAt: now, maxAge: 60 };
    return Buffer.concat([Buffer.from(`${jws(publisher.key, "assize-bundle+jwt", payload)}\n`), bytes]);
  }
});

test("a notice that is replayed, forged or from the future makes nothing younger", async () => {
  const holder = client();
  assert.equal(await get(holder), true);
  const old = publisher.notice();
  const hear = async (notice) => {
    publisher.notice = () => notice;
    await holder.refresh().catch(() => undefined);
    return holder.status().age;
  };
  now += 20_000;
  const { notice } = Publisher.prototype;
  assert.equal(await hear(old), 20_000, "replayed");
  assert.equal(await hear(notice.call(publisher, { key: signingKey() })), 20_000, "forged");
  assert.equal(await hear(notice.call(publisher, { typ: "assize-bundle+jwt" })), 20_000, "of another type");
  assert.equal(await hear(notice.call(publisher, { name: "other" })), 20_000, "of another bundle");
  assert.equal(await hear(notice.call(publisher, { revision: 9 })), 20_000, "of an older revision");
  assert.equal(await hear(notice.call(publisher, { instant: now + 3_600_000 })), 0, "an instant ahead counts as now");
  now += 1_000;
  assert.equal(holder.status().age, 1_000);
});

test("keys can rotate: what a retired key signed still verifies, and so does what the next one signs", async () => {
  const [retired, next] = [publisher.key, signingKey()];
  const holder = client({ keys: { keys: [retired.jwk, next.jwk] } });
  assert.equal(await get(holder), true);
  publisher.key = next;
  await publisher.publish(closed, 11);
  await holder.refresh();
  assert.equal(await get(holder), false);
});

test("without server and cache a decision rejects: there is nothing to decide with", async () => {
  await publisher.stop();
  const holder = client();
  await assert.rejects(holder.evaluate(question), code("noBundle"));
  await assert.rejects(holder.ready(), code("noBundle"));
  assert.equal(holder.status().state, "empty");
  await publisher.listen(publisher.port);
  assert.equal(await get(holder), true, "the next decision tries again");
});

test("starts that fail begin to follow once", async () => {
  let asked = 0;
  const away = async (url) => {
    if (String(url).endsWith("/events")) asked += 1;
    throw new TypeError("away");
  };
  const holder = client({ refresh: "events", fetch: away });
  for (let n = 0; n < 20; n += 1) await assert.rejects(get(holder), code("noBundle"));
  // One follower tries again now and then; each start had begun one of its own.
  assert.ok(asked >= 1 && asked < 10, String(asked));
});

test("a token that lives for a moment serves more than one request", async () => {
  let asked = 0;
  const answer = async () => Response.json({ access_token: `t${(asked += 1)}`, expires_in: 20 });
  const authorize = clientCredentials({ tokenUrl: "https://am.example.com/connect/token", clientId: "a", clientSecret: "b", clock: () => now, fetch: answer });
  for (let n = 0; n < 5; n += 1) await authorize(false);
  now += 9_000;
  await authorize(false);
  assert.equal(asked, 1);
  now += 2_000;
  await authorize(false);
  assert.equal(asked, 2);
});

test("a clock that is set back makes no bundle younger", async (t) => {
  let uptime = 5_000;
  t.mock.method(performance, "now", () => uptime);
  t.mock.method(Date, "now", () => now);
  const holder = client({ clock: undefined });
  assert.equal(await get(holder), true);
  uptime += 59_000;
  now -= 3_600_000;
  assert.equal(await get(holder), true);
  uptime += 2_000;
  assert.equal(await get(holder), false);
  assert.equal(holder.status().age, 61_000);
  // The server's word counts, though its instant lies in what is the future here.
  publisher.clock = () => now + 3_661_000;
  await holder.refresh();
  assert.equal(holder.status().state, "fresh");
});

test("answers are read no further than they may be long", async () => {
  const endless = () => {
    const sent = { chunks: 0, cancelled: false };
    const body = new ReadableStream({
      pull(controller) {
        sent.chunks += 1;
        controller.enqueue(new Uint8Array(1 << 16).fill(0x20));
      },
      cancel: () => void (sent.cancelled = true),
    });
    return [sent, async () => new Response(body)];
  };
  const [keys, keysFetch] = endless();
  await assert.rejects(remoteKeySet("https://keys.example", { fetch: keysFetch }).find("k"), { code: "badAnswer" });
  assert.ok(keys.cancelled && keys.chunks < 10, String(keys.chunks));
  const holder = client();
  assert.equal(await get(holder), true);
  const [notice, noticeFetch] = endless();
  const other = client({ fetch: async (url, init) => (String(url).endsWith("/notice") ? noticeFetch() : fetch(url, init)) });
  await other.ready();
  await assert.rejects(other.refresh(), { code: "badAnswer" });
  assert.ok(notice.cancelled && notice.chunks < 10, String(notice.chunks));
});

test("a refusal by the server is reported with its status; a new proof is fetched once", async () => {
  let proofs = [];
  publisher.faults = { status: 403 };
  await assert.rejects(client({ authorize: () => ({}) }).ready(), (error) => error.cause instanceof RemoteError && error.cause.status === 403);
  publisher.faults = { status: 401 };
  const holder = client({
    authorize: (refused) => {
      proofs.push(refused);
      if (refused) publisher.faults = {};
      return { authorization: "Bearer token" };
    },
  });
  assert.equal(await get(holder), true);
  assert.deepEqual(proofs, [false, true]);
  assert.equal(publisher.requests.at(-1).headers.authorization, "Bearer token");
});

test("a client's own token is fetched once, used until shortly before its end, and replaced when it is refused", async () => {
  const asked = [];
  let [lifetime, answer] = [300, undefined];
  const authorize = clientCredentials({
    tokenUrl: "https://am.example.com/connect/token",
    clientId: "edge one",
    clientSecret: "s:e%c",
    scope: "bundles",
    clock: () => now,
    fetch: async (url, { headers, body }) => {
      asked.push([url, atob(headers.authorization.split(" ")[1]), String(body)]);
      return answer ?? Response.json({ access_token: `t${asked.length}`, token_type: "Bearer", expires_in: lifetime });
    },
  });
  const token = async (refused = false) => new Headers(await authorize(refused)).get("authorization");
  assert.deepEqual(await Promise.all([token(), token(), token()]), Array(3).fill("Bearer t1"));
  assert.deepEqual(asked, [["https://am.example.com/connect/token", "edge+one:s%3Ae%25c", "grant_type=client_credentials&scope=bundles"]]);
  now += 269_000;
  assert.equal(await token(), "Bearer t1");
  now += 1_000;
  assert.equal(await token(), "Bearer t2");
  assert.equal(await token(true), "Bearer t3");
  answer = Response.json({ error: "invalid_client" }, { status: 401 });
  await assert.rejects(token(true), (error) => error instanceof RemoteError && error.status === 401 && /invalid_client/.test(error.message));
});

const caches = {
  memory: () => new MemoryCache(),
  file: () => {
    const folder = mkdtempSync(join(tmpdir(), "assize-cache-"));
    return Object.assign(new FileCache(join(folder, "deep")), { folder });
  },
  "Cache API": () => {
    const stored = new Map();
    return new CacheApiCache({
      match: async (key) => stored.get(key)?.clone(),
      put: async (key, response) => void stored.set(key, response),
    });
  },
  KV: () => {
    const stored = new Map();
    return new KvCache({ get: async (key) => stored.get(key) ?? null, put: async (key, value) => void stored.set(key, value.slice(0)) });
  },
};

for (const [kind, make] of Object.entries(caches)) {
  test(`after a restart the ${kind} cache decides while the server is away, and only as long as it may`, async () => {
    const cache = make();
    const first = client({ cache });
    assert.equal(await get(first), true);
    now += 30_000;
    await first.refresh();
    await publisher.stop();
    now += 59_000;
    const second = client({ cache });
    assert.equal(await get(second), true, "the kept notice counts");
    assert.equal(second.status().source, "cache");
    now += 1_001;
    assert.equal(await get(second), false);
    assert.equal(await get(client({ cache })), false, "a restart makes nothing younger");
    if (cache.folder !== undefined) {
      const [file, ...more] = readdirSync(join(cache.folder, "deep"));
      assert.deepEqual(more, []);
      assert.equal(statSync(join(cache.folder, "deep", file)).mode & 0o777, 0o600);
      rmSync(cache.folder, { recursive: true });
    }
    await publisher.listen(publisher.port);
  });
}

test("the floor outlives a restart: an older bundle is refused though its signature holds", async () => {
  const cache = new MemoryCache();
  const older = publisher.sealed;
  await publisher.publish(closed, 11);
  assert.equal(await get(client({ cache })), false);
  publisher.sealed = older;
  publisher.revision = 10;
  publisher.etag = '"older"';
  const holder = client({ cache });
  assert.equal(await get(holder), false);
  assert.equal(holder.status().revision, 11);
  await assert.rejects(client({ floor: 11 }).ready(), (error) => error.cause.code === "olderRevision");
});

test("a cache that lies is found out, and one that fails is no condition", async () => {
  const cache = new MemoryCache();
  await get(client({ cache }));
  const [[key, record]] = [[publisher.url, await cache.read(publisher.url)]];
  const broken = Uint8Array.from(record.sealed);
  broken[broken.length - 3] ^= 1;
  await cache.write(key, { ...record, sealed: broken });
  const errors = [];
  const holder = client({ cache, onError: (error) => errors.push(error.code) });
  assert.equal(await get(holder), true);
  assert.equal(holder.status().source, "server");
  assert.deepEqual(errors, ["badDigest"]);
  const failing = { read: async () => Promise.reject(new Error("disk")), write: async () => Promise.reject(new Error("disk")) };
  assert.equal(await get(client({ cache: failing })), true);
});

test("on demand, a decision first asks whether it is current, at most once in a while", async () => {
  const holder = client({ refresh: "demand", confirmWithin: 1_000 });
  assert.equal(await get(holder), true);
  const asked = () => publisher.requests.filter(({ what }) => what === "/notice").length;
  const before = asked();
  await get(holder);
  assert.equal(asked(), before);
  await publisher.publish(closed, 11);
  now += 1_000;
  assert.deepEqual(await Promise.all([get(holder), get(holder), get(holder)]), [false, false, false]);
  assert.equal(asked(), before + 1);
});

test("a server that never answers costs a decision some time, and not the bundle", async () => {
  let stuck = false;
  const fetcher = (url, init) => (stuck ? new Promise(() => undefined) : fetch(url, init));
  const holder = client({ refresh: "demand", confirmWithin: 1_000, timeout: 50, fetch: fetcher });
  assert.equal(await get(holder), true);
  stuck = true;
  now += 1_000;
  assert.deepEqual(await Promise.all([get(holder), get(holder)]), [true, true]);
  assert.ok(holder.status().lastError instanceof BundleError);
  now += 60_000;
  assert.equal(await get(holder), false);
});

test("a worker's request follows the notices for a while; when it is ended without a word, the next one takes over", async () => {
  const holder = client({ refresh: "demand", confirmWithin: Infinity });
  assert.equal(await get(holder), true);
  const kept = [];
  const context = { waitUntil: (work) => void kept.push(work) };
  holder.attend(context, 1_000);
  holder.attend(context, 1_000);
  assert.equal(kept.length, 1);
  await until(() => publisher.streams.size === 1, "the request listens");
  await publisher.publish(closed, 11);
  await until(() => holder.status().revision === 11, "revision 11 is held");
  now += 1_000;
  holder.attend(context, 1_000);
  assert.equal(kept.length, 2);
  holder.close();
  await Promise.all(kept);
});

test("outside conditions: the resolver, else the server, else undetermined", async () => {
  await publisher.publish(scripted, 11);
  assert.equal(await get(client()), false, "undetermined");
  const asked = [];
  const outside = {
    resolve: (needs, request) => {
      asked.push([needs[0].type, request.resources[0]]);
      return Object.fromEntries(needs.map(({ id }) => [id, { satisfied: true }]));
    },
  };
  assert.equal(await get(client({ outside })), true);
  assert.deepEqual(asked, [["Script", page]]);
  const failing = { resolve: () => Promise.reject(new Error("no")) };
  assert.equal(await get(client({ outside: failing })), false);
  assert.equal((await client({ outside: failing }).evaluate(question)).decisions[0].ttl, 0, "nobody keeps it");
  const remote = {
    evaluate: async ({ resources }) => ({ decisions: resources.map((resource) => ({ resource, actions: { GET: true }, attributes: {}, advices: {}, ttl: 0 })), effects: [] }),
  };
  assert.equal(await get(client({ remote })), true);
  const elsewhere = { evaluate: () => Promise.reject(new RemoteError("unreachable", "away")) };
  await assert.rejects(get(client({ remote: elsewhere })), RemoteError);
});

test("a session's questions go to the server, where there is one", async () => {
  const asked = [];
  const remote = { evaluate: async (request) => (asked.push(request.credential), { decisions: [], effects: [] }) };
  const credential = { ssoToken: "AQIC" };
  await client({ remote }).evaluate({ ...question, credential });
  assert.deepEqual(asked, [credential]);
  assert.equal(allows((await client().evaluate({ ...question, credential })).decisions[0], "GET"), true, "without one, what is known decides");
});

test("realm and name are read off the URL", async () => {
  const urls = {
    "/am/json/realms/root/bundles/web": ["/", "web"],
    "/am/json/realms/root/realms/alpha/realms/b%20c/bundles/my%2Fweb/": ["/alpha/b c", "my/web"],
    "/json/bundles/web": ["/", "web"],
    "/am/json/alpha/bundles/web": ["/alpha", "web"],
  };
  for (const [path, [realm, name]] of Object.entries(urls)) {
    const answers = await new Publisher({ realm, name, clock: () => now });
    await answers.publish(open, 3);
    const fetcher = async (url) => new Response(String(url).endsWith("/notice") ? answers.notice() : answers.sealed);
    const holder = client({ url: `https://am.example.com${path}`, keys: answers.keys, fetch: fetcher });
    // The bundle itself says that it is of the root realm, so that only `/` loads: but what was expected was compared first.
    const outcome = await holder.ready().then(() => "loaded", (error) => error.cause.code);
    assert.equal(outcome, realm === "/" ? "loaded" : "badDigest", path);
  }
  assert.throws(() => client({ url: "https://am.example.com/am/json/policies" }), { code: "badOptions" });
});

test("a bare bundle cannot be passed off as a published one", async () => {
  publisher.sealed = open;
  await assert.rejects(client().ready(), (error) => error.cause.code === "badSeal");
  assert.ok(await loadBundle(open));
});
