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

assert.equal(bundle.revision, revision);
assert.match(bundle.digest, /^[0-9a-f]{64}$/);
bundle.free();
assert.throws(() => glue.Bundle.load(new Uint8Array([1, 2, 3]), 1), /"badBundle"/);
console.log(JSON.stringify({ answers: answers.length, texts, objects, build: glue.buildId(), version: glue.version() }));

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
