// Builds the package's `dist` out of `src` and of the decision module that `cargo xtask package` has staged in `engine`.
//
//   node tools/build.mjs           build
//   node tools/build.mjs --check   only say whether everything that is packed is there

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { factory } from "./glue.mjs";

const here = join(dirname(fileURLToPath(import.meta.url)), "..");
const staged = (name) => join(here, "engine", name);
const dist = (...names) => join(here, "dist", ...names);

if (process.argv.includes("--check")) {
  for (const file of ["esm/entry/assize.wasm", "esm/entry/node.js", "esm/engine/glue.js", "cjs/entry/node-cjs.js"]) {
    if (!existsSync(dist(file))) throw new Error(`dist/${file} is missing: run \`cargo xtask package\``);
  }
} else {
  build();
}

function build() {
  for (const name of ["assize.wasm", "glue.js"]) {
    if (!existsSync(staged(name))) throw new Error(`engine/${name} is missing: run \`cargo xtask package\``);
  }
  rmSync(dist(), { recursive: true, force: true });
  const compile = (project) =>
    execFileSync(process.execPath, [join(here, "node_modules/typescript/bin/tsc"), "-p", join(here, project)], {
      stdio: "inherit",
    });
  compile("tsconfig.json");
  compile("tsconfig.cjs.json");

  const glue = factory(readFileSync(staged("glue.js"), "utf8"));
  writeFileSync(dist("esm/engine/glue.js"), `export ${glue}`);
  writeFileSync(dist("cjs/engine/glue.js"), `"use strict";\nexports.instantiate = instantiate;\n${glue}`);
  for (const format of ["esm", "cjs"]) {
    mkdirSync(dist(format, "engine"), { recursive: true });
    cpSync(join(here, "src/engine/glue.d.ts"), dist(format, "engine/glue.d.ts"));
  }
  writeFileSync(dist("esm/package.json"), '{ "type": "module" }\n');
  writeFileSync(dist("cjs/package.json"), '{ "type": "commonjs" }\n');
  cpSync(staged("assize.wasm"), dist("esm/entry/assize.wasm"));
  const digest = createHash("sha256").update(readFileSync(staged("assize.wasm"))).digest("hex");
  console.log(`dist is built; the module's SHA-256 is ${digest}`);
}
