// The package as its users get it: packed, then installed in a project of its own.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The package's own folder. */
export const HERE = join(dirname(fileURLToPath(import.meta.url)), "../..");

/** The workspace's root, and where cargo puts what it builds. */
export const ROOT = join(HERE, "..");
export const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");

let packed;

/** Packs once per process: `{file, bytes, files}`. */
export function pack() {
  if (packed !== undefined) return packed;
  const folder = scratch("pack");
  const npm = ["pack", "--json", "--silent", "--pack-destination", folder];
  const [report] = JSON.parse(execFileSync("npm", npm, { cwd: HERE, encoding: "utf8" }));
  const file = join(folder, report.filename.replaceAll("/", "-").replace("@", ""));
  packed = { file, bytes: statSync(file).size, files: report.files.map(({ path }) => path) };
  return packed;
}

/** A fresh project with the packed package in it, and nothing else. */
export function project(name) {
  const folder = scratch(name);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, private: true, version: "0.0.0" }));
  const install = ["install", "--no-audit", "--no-fund", "--no-save", "--silent", "--offline", pack().file];
  execFileSync("npm", install, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  return folder;
}

const made = [];
process.on("exit", () => made.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A folder that goes when this process does. */
export function scratch(name) {
  const folder = mkdtempSync(join(tmpdir(), `assize-${name}-`));
  made.push(folder);
  return folder;
}

/** A program that an npm package carries. */
export function carried(name) {
  return join(HERE, "node_modules/.bin", name);
}

/** Writes some files into a project. */
export function put(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** What lies beside the tests. */
export function read(name) {
  return readFileSync(join(HERE, "tests", name), "utf8");
}
