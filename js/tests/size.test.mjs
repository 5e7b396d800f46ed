// What the package weighs: packed, and over the wire to a page that decides with it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { HERE, pack } from "./support/packed.mjs";

/** Most bytes. A budget that is met by taking something out is raised by whoever has put something in. */
const PACKED = 680 * 1024;
const MODULE_GZIPPED = 200 * 1024;
const SCRIPT_GZIPPED = 20 * 1024;
const SCRIPT_MODULE_GZIPPED = 400 * 1024;

test("the package keeps its size budget", async () => {
  const { bytes, files } = pack();
  const module = gzipSync(readFileSync(join(HERE, "dist/esm/entry/assize.wasm")), { level: 9 }).length;
  const scripts = gzipSync(readFileSync(join(HERE, "dist/esm/entry/script.wasm")), { level: 9 }).length;
  const bundled = await build({
    stdin: { contents: `export * from "assize";`, resolveDir: HERE },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
  });
  const script = gzipSync(bundled.outputFiles[0].contents, { level: 9 }).length;
  for (const [what, size, budget] of [
    ["packed", bytes, PACKED],
    ["module, gzipped", module, MODULE_GZIPPED],
    ["script.wasm, gzipped", scripts, SCRIPT_MODULE_GZIPPED],
    ["all of its JavaScript, minified and gzipped", script, SCRIPT_GZIPPED],
  ]) {
    console.log(`${what}: ${size} bytes of ${budget}`);
    assert.ok(size <= budget, `${what}: ${size} bytes, ${budget} are allowed`);
  }
  assert.deepEqual(files.filter((file) => !/^(dist\/|package\.json$|(README\.md|LICENSE)$)/.test(file)), []);
});

test("the package depends on nothing at run time", () => {
  const manifest = JSON.parse(readFileSync(join(HERE, "package.json"), "utf8"));
  for (const member of ["dependencies", "peerDependencies", "optionalDependencies", "bundleDependencies"]) {
    assert.equal(manifest[member], undefined, member);
  }
  assert.deepEqual(Object.keys(manifest.exports["."]), ["workerd", "deno", "bun", "node", "browser", "import", "require", "default"]);
});
