// Builds the package's `dist` out of `src` and of the decision module that `cargo xtask package` has staged in `engine`.
//
//   node tools/build.mjs           build
//   node tools/build.mjs --check   only say whether everything that is packed is there
//
// TypeScript's compiler checks and makes the types; esbuild joins what each entry needs into few files, since a runtime takes
// longer to find thirty small ones than to compile the module.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { factory } from "./glue.mjs";

const here = join(dirname(fileURLToPath(import.meta.url)), "..");
const staged = (name) => join(here, "engine", name);
const built = (...names) => join(here, "build", ...names);
const dist = (...names) => join(here, "dist", ...names);

/** What `exports` in package.json leads to, without the extension. */
const SHARED = ["enforce/hono", "enforce/express", "client/file-cache"];
const RUNTIMES = { esm: ["node", "browser", "workerd"], cjs: ["node-cjs"] };
const entriesOf = (format) => [...RUNTIMES[format].flatMap((runtime) => [`entry/${runtime}`, `entry/script-${runtime}`]), ...SHARED];
const ENTRIES = { esm: entriesOf("esm"), cjs: entriesOf("cjs") };

if (process.argv.includes("--check")) {
  const files = Object.entries(ENTRIES).flatMap(([format, entries]) => entries.map((entry) => `${format}/${entry}.js`));
  for (const file of ["esm/entry/assize.wasm", "esm/entry/script.wasm", "esm/index.d.ts", "cjs/index.d.ts", ...files]) {
    if (!existsSync(dist(file))) throw new Error(`dist/${file} is missing: run \`cargo xtask package\``);
  }
} else {
  await build();
}

async function build() {
  for (const name of ["assize.wasm", "script.wasm", "glue.js"]) {
    if (!existsSync(staged(name))) throw new Error(`engine/${name} is missing: run \`cargo xtask package\``);
  }
  for (const folder of [dist(), built()]) rmSync(folder, { recursive: true, force: true });
  for (const project of ["tsconfig.json", "tsconfig.cjs.json"]) {
    const tsc = join(here, "node_modules/typescript/bin/tsc");
    execFileSync(process.execPath, [tsc, "-p", join(here, project)], { stdio: "inherit" });
  }
  writeFileSync(built("engine/glue.js"), `export ${factory(readFileSync(staged("glue.js"), "utf8"))}`);

  const { build: bundle } = await import("esbuild");
  for (const [format, entries] of Object.entries(ENTRIES)) {
    await bundle({
      entryPoints: entries.map((entry) => built(`${entry}.js`)),
      outbase: built(),
      outdir: dist(format),
      bundle: true,
      splitting: format === "esm",
      format,
      target: "es2022",
      external: ["node:*", "*.wasm"],
      platform: "neutral",
      logLevel: "warning",
    });
    mkdirSync(dist(format, "engine"), { recursive: true });
    cpSync(join(here, "src/engine/glue.d.ts"), dist(format, "engine/glue.d.ts"));
  }
  writeFileSync(dist("esm/package.json"), '{ "type": "module" }\n');
  writeFileSync(dist("cjs/package.json"), '{ "type": "commonjs" }\n');
  for (const name of ["assize.wasm", "script.wasm"]) cpSync(staged(name), dist("esm/entry", name));
  const digest = createHash("sha256").update(readFileSync(staged("assize.wasm"))).digest("hex");
  console.log(`dist is built; the module's SHA-256 is ${digest}`);
}
