// The package's core: loading, deciding, trees, explanations, errors.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import * as assize from "assize";
import { ANN, bundleOf, policy } from "./support/bundles.mjs";
import { HERE } from "./support/packed.mjs";
import { Publisher, signingKey } from "./support/publisher.mjs";

const { allows, BundleError, loadBundle, OptionsError, OutsideTreeError, RequestError } = assize;
const page = "https://www.example.com/index.html";
let bytes;

before(() => {
  bytes = bundleOf([
    policy("pages", ["/*", "/*?*"], { actionValues: { GET: true, POST: true } }),
    policy("no posts", "/news/*", { actionValues: { POST: false } }),
    policy("level", "/bank/*", { condition: { type: "AuthLevel", authLevel: 3 } }),
    policy("name", "/news/*", { resourceAttributes: [{ type: "Static", propertyName: "color", propertyValues: ["red", "ﬀ", "𝒳", "\uffee"] }] }),
    policy("script", "/scripted/*", { actionValues: { PUT: true }, condition: { type: "Script", scriptId: "9de3eb62-f131-4fac-a294-7bd170fd4acb" } }),
    policy("hours", "/hours/*", { condition: { type: "SimpleTime", startTime: "09:00", endTime: "17:00", enforcementTimeZone: "UTC" } }),
  ]);
});

test("a bundle decides", async () => {
  const bundle = await loadBundle(bytes, { revision: 12 });
  assert.match(bundle.digest, /^[0-9a-f]{64}$/);
  assert.equal(bundle.realm, "/");
  assert.equal(bundle.revision, 12);
  const answer = bundle.evaluate({ resources: [page], subject: ANN });
  assert.deepEqual(answer, {
    decisions: [{ resource: page, actions: { GET: true, POST: true }, attributes: {}, advices: {}, ttl: Infinity }],
    effects: [],
    bundle: { digest: bundle.digest, revision: 12 },
  });
  assert.equal(allows(answer.decisions[0], "GET"), true);
  assert.equal(allows(answer.decisions[0], "PUT"), false);
  assert.equal(allows(answer.decisions[0], "toString"), false);
  assert.equal(allows(undefined, "GET"), false);
});

test("the clock is an argument, and the instant of a request comes first", async () => {
  const bundle = await loadBundle(bytes, { clock: () => Date.UTC(2026, 5, 1, 12) });
  const ask = (more) => bundle.evaluate({ resources: ["https://www.example.com/hours/x"], subject: ANN, ...more }).decisions[0];
  const level = ask({});
  assert.equal(level.actions.GET, true);
  assert.equal(level.ttl, Date.UTC(2026, 5, 1, 17, 0));
});

test("text in and text out are the engine's own bytes", async () => {
  const bundle = await loadBundle(bytes, { revision: 1 });
  const text = bundle.evaluateText(JSON.stringify({ resources: [page], subject: ANN, now: 1 }));
  assert.equal(
    text,
    `{"decisions":[{"resource":"${page}","actions":{"GET":true,"POST":true},"attributes":{},"advices":{},"ttl":9223372036854775807}],"effects":[],"bundle":{"digest":"${bundle.digest}","revision":1}}`,
  );
});

test("what is no member of a request is refused by name", async () => {
  const bundle = await loadBundle(bytes);
  for (const call of [
    () => bundle.evaluate({ resources: [page], subject: ANN, enviroment: {} }),
    () => bundle.evaluateTree({ resource: page, subject: ANN, enviroment: {} }),
    () => bundle.ask({ resources: [page], subject: ANN, now: 1, enviroment: {} }),
  ]) {
    assert.throws(call, (error) => error instanceof assize.RequestError && error.path === "/enviroment");
  }
  for (const text of [undefined, 5, {}]) {
    assert.throws(() => bundle.evaluateText(text), assize.RequestError);
  }
});

test("a text that looks like an unlimited ttl stays a text", async () => {
  const bundle = await loadBundle(bytes);
  const odd = 'https://www.example.com/"ttl":9223372036854775807';
  assert.equal(bundle.evaluate({ resources: [odd], subject: ANN }).decisions[0].resource, odd);
});

test("an explanation names the policies and what failed", async () => {
  const bundle = await loadBundle(bytes);
  const explanation = bundle.explain({ resources: ["https://www.example.com/bank/x"], subject: { ...ANN, session: { AuthLevel: "1" } } });
  const level = explanation.resources[0].policies.find(({ policy }) => policy === "level");
  assert.equal(level.code, "conditionFalse");
  assert.deepEqual(level.leaves, [{ part: "condition", truth: "false", code: "wrongLevel", wanted: level.leaves[0].wanted, seen: ["1"] }]);
  assert.match(explanation.text, /policy `level` has a condition that does not hold/);
});

test("errors are classes with codes and paths", async () => {
  const bundle = await loadBundle(bytes);
  const code = (call, type, expected, path) => {
    assert.throws(call, (error) => {
      assert.ok(error instanceof type && error instanceof assize.AssizeError && error.name === type.name, String(error));
      assert.equal(error.code, expected);
      if (path !== undefined) assert.equal(error.path, path);
      return true;
    });
  };
  code(() => bundle.evaluate({ resources: [page], policySet: "none such" }), RequestError, "unknownPolicySet");
  code(() => bundle.evaluate({ resources: [] }), RequestError, "badRequest", "/resources");
  code(() => bundle.evaluate({ resources: [page], subject: { claims: 5 } }), RequestError, "badRequest", "/subject/claims");
  code(() => bundle.evaluate({ resources: ["https://u@h/"] }), RequestError, "badResource", "/resources/0");
  code(() => bundle.evaluate({ resources: Array(1001).fill(page) }), RequestError, "limitExceeded");
  await assert.rejects(loadBundle(new Uint8Array(9)), (error) => error instanceof BundleError && error.code === "badBundle");
  const damaged = Uint8Array.from(bytes);
  damaged[damaged.length - 5] ^= 1;
  await assert.rejects(loadBundle(damaged), (error) => error instanceof BundleError && error.code === "badBundle");
  await assert.rejects(loadBundle("text"), OptionsError);
});

test("an unresolved outside condition is undetermined; a result from outside counts", async () => {
  const bundle = await loadBundle(bytes);
  const request = { resources: ["https://www.example.com/scripted/x"], subject: ANN, now: 1 };
  assert.equal(allows(bundle.evaluate(request).decisions[0], "PUT"), false);
  const { needs } = bundle.ask(request);
  assert.deepEqual(needs.map(({ type, scriptId }) => ({ type, scriptId })), [{ type: "Script", scriptId: "9de3eb62-f131-4fac-a294-7bd170fd4acb" }]);
  const externals = { [needs[0].id]: { satisfied: true } };
  assert.equal(allows(bundle.evaluate({ ...request, externals }).decisions[0], "PUT"), true);
  for (const ttl of [Infinity, 2 ** 63]) {
    const answer = bundle.ask({ ...request, now: 1, externals: { [needs[0].id]: { satisfied: true, ttl } } });
    assert.equal(answer.decisions[0].ttl, Infinity);
  }
});

test("a tree decides as evaluate does, for every resource at or beneath its root", async () => {
  const bundle = await loadBundle(bytes);
  const question = { subject: { ...ANN, session: { AuthLevel: "1" } }, now: Date.UTC(2026, 5, 1, 20) };
  const tree = bundle.evaluateTree({ ...question, resource: "https://www.example.com/" });
  assert.equal(tree.entries[0].resource, "https://www.example.com/");
  let compared = 0;
  for (const path of ["", "index.html", "news/", "news/a?x=1", "NEWS/%61", "bank/x", "bank/x?y", "hours/1", "*", "a/../news/b", "%2e%2e/hours/z"]) {
    const resource = `https://www.example.com/${path}`;
    assert.deepEqual(tree.decide(resource), bundle.evaluate({ ...question, resources: [resource] }).decisions[0], resource);
    assert.equal(tree.allows(resource, "GET"), allows(tree.decide(resource), "GET"));
    compared += 1;
  }
  assert.equal(compared, 11);
  assert.deepEqual(tree.decide("https://www.example.com/news/a").attributes.color, ["red", "ﬀ", "\uffee", "𝒳"], "by code points");
  assert.throws(() => tree.decide("https://other.example.com/"), OutsideTreeError);
  assert.throws(() => tree.decide("https://u@www.example.com/"), (error) => error instanceof RequestError && error.code === "badResource");
});

test("a precompiled module, bytes and a response are taken as the module", async () => {
  const wasm = readFileSync(join(HERE, "dist/esm/entry/assize.wasm"));
  const builds = new Set();
  for (const module of [
    new WebAssembly.Module(wasm),
    wasm,
    () => new Response(wasm, { headers: { "content-type": "application/wasm" } }),
    Promise.resolve(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.length)),
  ]) {
    const bundle = await loadBundle(bytes, { module });
    assert.equal(allows(bundle.evaluate({ resources: [page], subject: ANN }).decisions[0], "GET"), true);
    builds.add((await assize.engine(module)).build);
  }
  builds.add((await assize.engine()).build);
  assert.equal(builds.size, 1);
  await assert.rejects(loadBundle(bytes, { module: 5 }), OptionsError);
});

test("a trap fails that request, and the next one meets a fresh instance", async () => {
  const bundle = await loadBundle(bytes);
  const before = bundle.memoryBytes;
  const original = String.prototype.charCodeAt;
  // What the glue meets when memory has run out: the module's own trap.
  const trap = new WebAssembly.RuntimeError("unreachable");
  String.prototype.charCodeAt = () => {
    throw trap;
  };
  try {
    assert.throws(() => bundle.evaluateText("{}"), (error) => error instanceof assize.EngineError && error.cause === trap);
  } finally {
    String.prototype.charCodeAt = original;
  }
  assert.equal(allows(bundle.evaluate({ resources: [page], subject: ANN }).decisions[0], "GET"), true);
  assert.ok(bundle.memoryBytes <= before + (1 << 16));
});

test("a sealed bundle is verified before it is loaded", async () => {
  const publisher = new Publisher({ clock: () => 5_000 });
  await publisher.publish(bytes, 7);
  const { sealed, keys } = publisher;
  const bundle = await loadBundle(sealed, { keys, realm: "/", name: "web", issuer: "https://am.example.com/am" });
  assert.equal(bundle.revision, 7);

  const refused = (changed, code, options) =>
    assert.rejects(loadBundle(changed, { keys, ...options }), (error) => error instanceof BundleError && error.code === code, code);
  await assert.rejects(loadBundle(sealed), OptionsError, "keys are not optional");
  const stranger = signingKey();
  await refused(await publisher.seal(bytes, 7, { key: stranger }), "badSignature");
  await refused(await publisher.seal(bytes, 7, { key: { ...stranger, kid: publisher.key.kid } }), "badSignature");
  await refused(await publisher.seal(bytes, 7, { header: { alg: "none" } }), "badSignature");
  await refused(await publisher.seal(bytes, 7, { header: { alg: "HS256" } }), "badSignature");
  await refused(await publisher.seal(bytes, 7, { header: { typ: "assize-notice+jwt" } }), "badSeal");
  await refused(await publisher.seal(bytes, 7, { header: { crit: ["exp"] } }), "badSeal");
  await refused(sealed.subarray(0, sealed.length - 1), "badDigest");
  await refused(Buffer.concat([sealed, Buffer.from([0])]), "badDigest");
  await refused(await publisher.seal(bytes, 7, { digest: "0".repeat(64) }), "badDigest");
  await refused(sealed, "wrongBundle", { realm: "/alpha" });
  await refused(sealed, "wrongBundle", { name: "other" });
  await refused(sealed, "wrongBundle", { issuer: "https://elsewhere.example.com" });
  await refused(await publisher.seal(bytes, 1.5), "badSeal");
  await refused(await publisher.seal(bytes, 7, { maxAge: "60" }), "badSeal");
  await refused(Buffer.from("not a bundle at all"), "badSeal");
  const flipped = Buffer.from(sealed);
  flipped[60] ^= 1;
  await assert.rejects(loadBundle(flipped, { keys }), BundleError);
});

test("where WebCrypto lacks Ed25519, or is missing, the module verifies", async () => {
  const publisher = new Publisher();
  await publisher.publish(bytes, 7);
  const { sealed, keys } = publisher;
  const wrong = await publisher.seal(bytes, 7, { key: { ...signingKey(), kid: publisher.key.kid } });
  const { subtle } = globalThis.crypto;
  const importKey = subtle.importKey;
  const verify = async () => {
    assert.equal((await loadBundle(sealed, { keys })).revision, 7);
    await assert.rejects(loadBundle(wrong, { keys }), (error) => error.code === "badSignature");
    await assert.rejects(loadBundle(sealed.subarray(0, -1), { keys }), (error) => error.code === "badDigest");
  };
  Object.getPrototypeOf(subtle).importKey = async () => {
    throw new DOMException("Unrecognized algorithm name", "NotSupportedError");
  };
  try {
    await verify();
  } finally {
    Object.getPrototypeOf(subtle).importKey = importKey;
  }
  const property = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  Object.defineProperty(globalThis, "crypto", { value: {}, configurable: true });
  try {
    await verify();
  } finally {
    Object.defineProperty(globalThis, "crypto", property);
  }
});
