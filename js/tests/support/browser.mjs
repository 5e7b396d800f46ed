// Debian's Chromium, without a window, and a web server for what it loads.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";

const CHROMIUM = "/usr/bin/chromium";
const QUIET = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  ".json": "application/json",
  ".css": "text/css",
};

/** Starts the browser, which is installed where it is missing. */
export async function browser() {
  if (!existsSync(CHROMIUM)) {
    // Nobody is there to answer, and another apt may be at work: it is waited for.
    const [command, ...first] = [...(process.getuid() === 0 ? [] : ["sudo"]), "env", "DEBIAN_FRONTEND=noninteractive"];
    const aptGet = [...first, "apt-get", "-o", "DPkg::Lock::Timeout=300"];
    execFileSync(command, [...aptGet, "update"], { stdio: "inherit" });
    execFileSync(command, [...aptGet, "install", "--yes", "--no-install-recommends", "chromium"], { stdio: "inherit" });
  }
  return chromium.launch({ executablePath: CHROMIUM, args: QUIET, headless: true });
}

/** Serves a folder on a free port; `more` answers paths that are no files. Gives `{url, stop}`. */
export async function serveFolder(folder, more = {}) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    if (pathname === "/favicon.ico") return response.writeHead(204).end();
    const answer = more[pathname];
    if (answer !== undefined) return answer(request, response);
    const file = join(folder, normalize(pathname === "/" ? "/index.html" : decodeURIComponent(pathname)));
    if (!file.startsWith(folder) || !existsSync(file)) {
      response.writeHead(404).end();
      return undefined;
    }
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    response.end(readFileSync(file));
    return undefined;
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}
