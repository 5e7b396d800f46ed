// Answers requests with the module's JavaScript glue, one JSON line in, one line out.
//
//   node node.mjs DIRECTORY
//
// DIRECTORY holds the built files. {"load": BASE64, "revision": N} takes a bundle and answers {}; {"ask": TEXT} answers a request,
// as text; the same request as an object must come to the same answer as an object.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const directory = process.argv[2];
// The glue's extension would make Node take it for CommonJS.
const source = readFileSync(join(directory, 'assize_engine.js'));
const glue = await import(`data:text/javascript;base64,${source.toString('base64')}`);
glue.initSync({ module: new WebAssembly.Module(readFileSync(join(directory, 'assize_engine_bg.wasm'))) });

let bundle;
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const message = JSON.parse(line);
  if (message.load !== undefined) {
    bundle?.free();
    bundle = glue.Bundle.load(Buffer.from(message.load, 'base64'), message.revision);
    process.stdout.write('{}\n');
  } else {
    const answer = bundle.evaluateText(message.ask);
    assert.deepEqual(bundle.evaluate(JSON.parse(message.ask)), asObject(answer), message.ask);
    // An answer is one line: the engine escapes control characters.
    process.stdout.write(`${answer}\n`);
  }
}

/** An answer as JavaScript reads it, with an unlimited ttl as the object form gives it (contract §4). */
function asObject(text) {
  return JSON.parse(text, (name, value) => (name === 'ttl' && value >= 2 ** 63 ? Infinity : value));
}
