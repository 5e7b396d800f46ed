// Answers questions with the module in a JavaScript runtime, by each of its surfaces, and leaves the answers in a file.
//
//   node answers.mjs DIRECTORY BUNDLE REVISION QUESTIONS ANSWERS
//
// DIRECTORY holds the built files. QUESTIONS is a row of frames (u8 kind, u32 length, first part, u32 length, second part;
// little-endian); kind 0 is an engine request, 1 and 2 are AM's evaluate and evaluateTree with context and body.
// ANSWERS is a row of frames (u32 length, answer) from the plain exports. The wasm-bindgen surfaces are held against them here.

import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [directory, bundleFile, revisionText, questionsFile, answersFile] = process.argv.slice(2);
const revision = Number(revisionText);
const glue = await importGlue(directory);
const wasm = glue.initSync({ module: new WebAssembly.Module(readFileSync(join(directory, 'assize_engine_bg.wasm'))) });
const bundleBytes = readFileSync(bundleFile);
const questions = readQuestions(readFileSync(questionsFile));

const plain = loadPlain(bundleBytes, revision);
const bundle = glue.Bundle.load(bundleBytes, revision);
let texts = 0;
let objects = 0;
const answers = questions.map(({ kind, first, second }) => {
  const answer = plain(kind, first, second);
  const [one, two] = [asText(first), asText(second)];
  if (one !== undefined && two !== undefined) {
    const text = [
      () => bundle.evaluateText(one),
      () => bundle.evaluateAm(one, two),
      () => bundle.evaluateTreeAm(one, two),
    ][kind]();
    assert.equal(text, new TextDecoder().decode(answer), `evaluateText differs for ${one.slice(0, 300)}`);
    texts += 1;
    const request = kind === 0 ? asObject(one) : undefined;
    if (request !== undefined) {
      assert.deepEqual(bundle.evaluate(request), withInfinity(JSON.parse(text)), `evaluate differs for ${one.slice(0, 300)}`);
      objects += 1;
    }
  }
  return answer;
});
writeFileSync(answersFile, Buffer.concat(answers.flatMap((answer) => [u32(answer.length), answer])));

const bad = refusedObjects();

assert.equal(bundle.revision, revision);
assert.match(bundle.digest, /^[0-9a-f]{64}$/);
bundle.free();
assert.throws(() => glue.Bundle.load(new Uint8Array([1, 2, 3]), 1), /"badBundle"/);
console.log(JSON.stringify({ answers: answers.length, texts, objects, bad, build: glue.buildId(), version: glue.version() }));

/** The plain exports, used as the server uses them. Returns what answers one question. */
function loadPlain(bytes, revision) {
  const put = (...parts) => {
    let at = wasm.assize_input(parts.reduce((sum, part) => sum + part.length, 0));
    for (const part of parts) {
      new Uint8Array(wasm.memory.buffer).set(part, at);
      at += part.length;
    }
  };
  const read = (record) => {
    const [at, length] = new Uint32Array(wasm.memory.buffer, record, 2);
    return Buffer.from(new Uint8Array(wasm.memory.buffer).slice(at, at + length));
  };
  put(bytes);
  const handle = wasm.assize_load(bytes.length, revision >>> 0, Math.floor(revision / 2 ** 32));
  assert.ok(handle >= 0, `the bundle is refused: ${read(wasm.assize_answer())}`);
  assert.match(read(wasm.assize_evaluate(handle + 1, 0)).toString(), /"noBundle"/);
  return (kind, first, second) => {
    put(first, second);
    return read(
      kind === 0
        ? wasm.assize_evaluate(handle, first.length)
        : wasm.assize_evaluate_am(handle, first.length, second.length, kind - 1),
    );
  };
}

/** The glue is an ES module; without a package.json beside it, Node asks for the name to say so. */
async function importGlue(directory) {
  const scratch = mkdtempSync(join(tmpdir(), 'assize-glue-'));
  try {
    const file = join(scratch, 'assize_engine.mjs');
    copyFileSync(join(directory, 'assize_engine.js'), file);
    return await import(pathToFileURL(file));
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function readQuestions(buffer) {
  const questions = [];
  let at = 0;
  const part = () => {
    const length = buffer.readUInt32LE(at);
    at += 4 + length;
    return buffer.subarray(at - length, at);
  };
  while (at < buffer.length) {
    const kind = buffer.readUInt8(at);
    at += 1;
    questions.push({ kind, first: part(), second: part() });
  }
  return questions;
}

/** Text, where the bytes are UTF-8 that a JavaScript string can carry unchanged. */
function asText(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** An object, where writing it out again gives the same request: JavaScript forgets repeated members and large numbers. */
function asObject(text) {
  try {
    const object = JSON.parse(text);
    return JSON.stringify(object) === text ? object : undefined;
  } catch {
    return undefined;
  }
}

/** Objects that text cannot say, or that say something else than they seem to. Returns how many were tried. */
function refusedObjects() {
  const plain = () => ({
    policySet: 'iPlanetAMWebAgentService',
    resources: ['https://www.example.com/a'],
    subject: { principals: ['id=ann'], groups: [], session: { AuthLevel: '2' }, claims: { sub: 'ann' } },
    environment: { requestIp: ['10.0.0.7'] },
    now: 1773800000000,
  });
  const right = bundle.evaluate(plain());
  assert.deepEqual(right.decisions[0].actions, { GET: true, POST: false });
  assert.equal(right.decisions[0].ttl, Infinity);
  const circle = {};
  circle.again = circle;
  const bush = [];
  bush.push(bush, bush);
  const cases = [
    // What is taken for what it means.
    [(r) => (r.now = 1773800000000n), null],
    [(r) => (r.externals = { x: { satisfied: true, ttl: Infinity }, y: { satisfied: true, ttl: 2 ** 63 } }), null],
    [(r) => (r.externals = { x: { satisfied: true, ttl: 2 ** 60 } }), null],
    [(r) => (r.subject.profile = undefined), null],
    [(r) => (r.timeZone = undefined), null],
    [(r) => (r.environment = new Map([['requestIp', ['10.0.0.7']]])), null],
    [(r) => (r.subject.claims.exp = 1.5e300), null],
    [(r) => (r.subject.claims.nothing = null), null],
    [(r) => (r.subject.session['\u{1f512}"\\\n'] = '\u2028'), null],
    // What is refused, and where.
    [(r) => (r.now = undefined), ['badRequest', '/now']],
    [(r) => (r.now = null), ['badRequest', '/now']],
    [(r) => (r.now = Infinity), ['limitExceeded', '/now']],
    [(r) => (r.now = 1.5), ['badRequest', '/now']],
    [(r) => (r.now = NaN), ['badRequest', '/now']],
    [(r) => (r.now = 2 ** 64), ['badRequest', '/now']],
    [(r) => (r.now = 2n ** 70n), ['badRequest', '/now']],
    [(r) => (r.now = new Date()), ['badRequest', '/now']],
    [(r) => (r.resources = 'https://www.example.com/a'), ['badRequest', '/resources']],
    [(r) => (r.resources = [undefined]), ['badRequest', '/resources/0']],
    [(r) => (r.resources = new Set(['https://www.example.com/a'])), ['badRequest', '/resources']],
    [(r) => (r.resources[1] = () => {}), ['badRequest', '/resources/1']],
    [(r) => (r.resources[0] = 'https://www.example.com:x/'), ['badResource', '/resources/0']],
    [(r) => (r.subject.session.AuthLevel = 2), ['badRequest', '/subject/session/AuthLevel']],
    [(r) => (r.subject.session['a/b~c'] = Symbol('x')), ['badRequest', '/subject/session/a~1b~0c']],
    [(r) => (r.subject.groups = null), ['badRequest', '/subject/groups']],
    [(r) => (r.subject.groups = new Uint8Array(3)), ['badRequest', '/subject/groups']],
    [(r) => (r.subject.claims = circle), ['limitExceeded', '/subject/claims']],
    [(r) => (r.subject.claims.bush = bush), ['limitExceeded', '']],
    [(r) => (r.environment = new Map([[1, []]])), ['badRequest', '/environment']],
    [(r) => (r.policySet = 'none such'), ['unknownPolicySet', '/policySet']],
    [(r) => (r.more = true), ['badRequest', '/more']],
  ];
  for (const [change, wanted] of cases) {
    const request = plain();
    change(request);
    const { decisions, error } = bundle.evaluate(request);
    if (wanted === null) assert.deepEqual(decisions, right.decisions, `${change}`);
    else assert.deepEqual([error?.code, error?.path], wanted, `${change}: ${error?.message}`);
  }
  const noRequests = [undefined, null, 7, 'x', [], () => {}, Symbol('x'), 7n, new Uint8Array(1)];
  for (const request of noRequests) {
    assert.equal(bundle.evaluate(request).error.code, 'badRequest');
  }
  return cases.length + noRequests.length;
}

/** What JSON says, with an unlimited ttl as the object form gives it (contract §4). */
function withInfinity(answer) {
  for (const decision of answer.decisions ?? []) {
    if (decision.ttl >= 2 ** 63) decision.ttl = Infinity;
  }
  return answer;
}

function u32(number) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(number);
  return bytes;
}
