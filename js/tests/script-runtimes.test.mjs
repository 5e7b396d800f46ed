// Scripts in every runtime, by the packed package: the same results and the same errors as on the server.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { browser, serveFolder } from "./support/browser.mjs";
import { carried, project, put, read, ROOT } from "./support/packed.mjs";
import { bundleWorker, serveWorker } from "./support/workerd.mjs";

const CASES = join(ROOT, "host/script/tests/cases.json");
let folder, cases, count;

before(() => {
  cases = readFileSync(CASES, "utf8");
  const { bindings, hostile } = JSON.parse(cases);
  count = bindings.length + hostile.length;
  folder = project("scripts");
  put(folder, {
    "scripts.mjs": read("support/scripts.mjs"),
    "cases.json": cases,
    "esm.mjs": `import { readFileSync } from "node:fs"; import * as script from "assize/script"; import { answerScripts } from "./scripts.mjs";
      console.log(JSON.stringify(await answerScripts(script, JSON.parse(readFileSync("cases.json", "utf8")))));`,
    "cjs.cjs": `const { readFileSync } = require("node:fs"); const script = require("assize/script");
      import("./scripts.mjs").then(({ answerScripts }) => answerScripts(script, JSON.parse(readFileSync("cases.json", "utf8"))))
        .then((result) => console.log(JSON.stringify(result)));`,
    "worker.mjs": `import * as script from "assize/script"; import { answerScripts } from "./scripts.mjs";
      export default { async fetch(request) { return Response.json(await answerScripts(script, await request.json())); } };`,
    "index.html": `<!doctype html><script type="importmap">{"imports":{"assize/script":"/node_modules/assize/dist/esm/entry/script-browser.js"}}</script>
      <script type="module">import * as script from "assize/script"; import { answerScripts } from "./scripts.mjs";
      const cases = await (await fetch("cases.json")).json();
      answerScripts(script, cases).then((result) => (window.result = result), (error) => (window.result = { error: String(error) }));</script>`,
  });
});

test("Node, ES modules", () => hold("Node ESM", run(process.execPath, ["esm.mjs"])));
test("Node, CommonJS", () => hold("Node CJS", run(process.execPath, ["cjs.cjs"])));
test("Deno", () => hold("Deno", run(carried("deno"), ["run", "--allow-read", "--no-lock", "--node-modules-dir=manual", "esm.mjs"])));
test("Bun", () => hold("Bun", run(carried("bun"), ["run", "esm.mjs"])));
test("Bun, CommonJS", () => hold("Bun CJS", run(carried("bun"), ["run", "cjs.cjs"])));

test("workerd", async () => {
  const worker = await bundleWorker(folder, "worker.mjs");
  const { url, stop } = await serveWorker(worker);
  try {
    const response = await fetch(url, { method: "POST", body: cases });
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
    page.on("pageerror", (error) => console.log(`Chromium: ${error}`));
    await page.goto(site.url);
    await page.waitForFunction(() => window.result !== undefined, undefined, { timeout: 120_000 });
    hold("Chromium", await page.evaluate(() => window.result));
  } finally {
    await chromium.close();
    site.stop();
  }
});

function run(program, args) {
  return JSON.parse(execFileSync(program, args, { cwd: folder, encoding: "utf8", maxBuffer: 1 << 26 }));
}

function hold(name, { rows, different, error }) {
  assert.equal(error, undefined);
  assert.equal(rows, count);
  assert.deepEqual(different, [], name);
  console.log(`${name}: ${rows} scripts come to the same`);
}
