// The corpus in every runtime, by the packed package: the same bytes as the native engine, and the same module.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { browser, serveFolder } from "./support/browser.mjs";
import { REVISION } from "./support/corpus.mjs";
import { carried, project, put, read, scratch, TARGET } from "./support/packed.mjs";
import { bundleWorker, serveWorker } from "./support/workerd.mjs";

const results = new Map();
let folder, corpus, corpusRows, moduleDigest;

before(() => {
  const answers = join(TARGET, "debug/answers");
  assert.ok(existsSync(answers), `${answers} is missing: run \`cargo build --workspace\``);
  const file = join(scratch("corpus"), "answers");
  corpusRows = Number(/rows (\d+)/.exec(execFileSync(answers, [file, String(REVISION)], { encoding: "utf8" }))[1]);
  assert.ok(corpusRows > 900);
  corpus = readFileSync(file);
  folder = project("runtimes");
  moduleDigest = sha256(readFileSync(join(folder, "node_modules/assize/dist/esm/entry/assize.wasm")));
  put(folder, {
    "corpus.mjs": read("support/corpus.mjs"),
    "corpus.bin": corpus,
    "esm.mjs": `import { readFileSync } from "node:fs"; import * as assize from "assize"; import { answerCorpus } from "./corpus.mjs";
      console.log(JSON.stringify(await answerCorpus(assize, new Uint8Array(readFileSync("corpus.bin")))));`,
    "cjs.cjs": `const { readFileSync } = require("node:fs"); const assize = require("assize");
      import("./corpus.mjs").then(({ answerCorpus }) => answerCorpus(assize, new Uint8Array(readFileSync("corpus.bin"))))
        .then((result) => console.log(JSON.stringify(result)));`,
    "worker.mjs": `import * as assize from "assize"; import { answerCorpus } from "./corpus.mjs";
      export default { async fetch(request) { return Response.json(await answerCorpus(assize, new Uint8Array(await request.arrayBuffer()))); } };`,
    "index.html": `<!doctype html><script type="importmap">{"imports":{"assize":"/node_modules/assize/dist/esm/entry/browser.js"}}</script>
      <script type="module">import * as assize from "assize"; import { answerCorpus } from "./corpus.mjs";
      const bytes = new Uint8Array(await (await fetch("corpus.bin")).arrayBuffer());
      answerCorpus(assize, bytes).then((result) => (window.result = result), (error) => (window.result = { error: String(error) }));</script>`,
  });
});

after(() => {
  const line = (...cells) => console.log(cells.map((cell, i) => String(cell).padEnd([14, 10, 10, 12, 18][i])).join(""));
  console.log(`\nThe corpus (${corpusRows} rows, each asked with and without an explanation) in the packed package:\n`);
  line("runtime", "bundles", "answers", "different", "module");
  for (const [name, { bundles, rows, different, build }] of results) line(name, bundles, rows, different.length, build.slice(0, 16));
  console.log(`\nSHA-256 of the packed module: ${moduleDigest}`);
});

test("Node, ES modules", () => hold("Node ESM", run(process.execPath, ["esm.mjs"])));
test("Node, CommonJS", () => hold("Node CJS", run(process.execPath, ["cjs.cjs"])));
test("Deno", () => hold("Deno", run(carried("deno"), ["run", "--allow-read", "--no-lock", "--node-modules-dir=manual", "esm.mjs"])));
test("Bun", () => hold("Bun", run(carried("bun"), ["run", "esm.mjs"])));

test("Bun, CommonJS", () => hold("Bun CJS", run(carried("bun"), ["run", "cjs.cjs"])));

test("workerd", async () => {
  const worker = await bundleWorker(folder, "worker.mjs");
  const wasm = readFileSync(join(worker, wasmIn(worker)));
  assert.equal(sha256(wasm), moduleDigest, "bundling changed the module");
  const { url, stop } = await serveWorker(worker);
  try {
    const response = await fetch(url, { method: "POST", body: corpus });
    hold("workerd", await response.json());
  } finally {
    stop();
  }
});

test("Chromium", async () => {
  const site = await serveFolder(folder);
  const chromium = await browser();
  try {
    const page = await chromium.newPage();
    page.on("console", (message) => console.log(`Chromium: ${message.text()}`));
    page.on("pageerror", (error) => console.log(`Chromium: ${error}`));
    await page.goto(site.url);
    await page.waitForFunction(() => window.result !== undefined, undefined, { timeout: 120_000 });
    hold("Chromium", await page.evaluate(() => window.result));
  } finally {
    await chromium.close();
    site.stop();
  }
});

test("every runtime has the same module, which is the server's", () => {
  assert.equal(results.size, 7);
  const builds = new Set([...results.values()].map(({ build }) => build));
  assert.equal(builds.size, 1);
  const [build] = builds;
  const server = readFileSync(join(TARGET, "debug/assize"));
  assert.ok(server.includes(build), "the server was built with another module");
});

function hold(name, result) {
  results.set(name, result);
  assert.equal(result.error, undefined);
  assert.deepEqual(result.different, []);
  // Each row is asked twice, and once more with what the outside says where it depends on it.
  assert.ok(result.rows >= 2 * corpusRows * 0.9, `${result.rows} answers to ${corpusRows} rows`);
}

function run(program, args) {
  return JSON.parse(execFileSync(program, args, { cwd: folder, encoding: "utf8", maxBuffer: 64 << 20 }));
}

function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

function wasmIn(worker) {
  return execFileSync("ls", [worker], { encoding: "utf8" }).split("\n").find((name) => name.endsWith(".wasm"));
}
