// Builds the page with esbuild into the folder that is named: `node build.mjs dist`. The module's file goes beside the script,
// which is where the package looks for it.

import { copyFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "dist");
mkdirSync(out, { recursive: true });
await build({ entryPoints: [join(here, "main.js")], outdir: out, bundle: true, minify: true, format: "esm", target: "es2022" });
copyFileSync(createRequire(import.meta.url).resolve("assize/assize.wasm"), join(out, "assize.wasm"));
copyFileSync(join(here, "index.html"), join(out, "index.html"));
