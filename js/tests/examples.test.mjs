// Every example runs: two servers, a worker, and a page built by Vite and by esbuild, against the real server.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { browser, serveFolder } from "./support/browser.mjs";
import { policy } from "./support/bundles.mjs";
import { carried, HERE, project, scratch } from "./support/packed.mjs";
import { Server } from "./support/server.mjs";
import { Issuer } from "./support/tokens.mjs";
import { bundleWorker, serveWorker } from "./support/workerd.mjs";

const URL_TYPE = "76656a38-5f8e-401b-83aa-4ccb74ce88d2";
const issuer = new Issuer();
let server, folder, jwks, settings;

before(async () => {
  server = await Server.start();
  const reads = (actionValues) => ({ ...policy("news", ["/news", "/news/*"], { actionValues }), resourceTypeUuid: URL_TYPE });
  await server.putPolicy(reads({ GET: true, POST: false }));
  await server.createUser("edge");
  await server.createBundle({ name: "web", policySets: ["iPlanetAMWebAgentService"], maxAge: 300, readers: ["id=edge,ou=user,dc=openam,dc=example,dc=org"] });

  // The examples in a project of their own: the packed package, and the frameworks that this repository has for its tests.
  folder = project("examples");
  for (const name of ["express", "hono", "@hono"]) symlinkSync(join(HERE, "node_modules", name), join(folder, "node_modules", name));
  symlinkSync(join(HERE, "node_modules/esbuild"), join(folder, "node_modules/esbuild"));
  cpSync(join(HERE, "examples"), folder, { recursive: true });

  jwks = createServer((request, response) => response.setHeader("content-type", "application/json").end(JSON.stringify(issuer.jwks)));
  await new Promise((resolve) => jwks.listen(0, "127.0.0.1", resolve));
  settings = {
    BUNDLE: server.bundleUrl("web"),
    KEYS: `${server.origin}/.well-known/assize-bundle-keys`,
    TOKEN: await server.login("edge"),
    ORIGIN: "https://www.example.com",
    ISSUER: issuer.issuer,
    AUDIENCE: "shop",
    JWKS: `http://127.0.0.1:${jwks.address().port}/jwks`,
  };
});

after(async () => {
  jwks?.close();
  await server?.stop();
});

/** What every guarded example must do. */
async function enforces(url) {
  const ask = async (path, method, token) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(url + path, { method, headers });
    return [response.status, await response.text()];
  };
  const ann = issuer.token();
  assert.deepEqual(await ask("/news", "GET", ann), [200, "news for ann\n"]);
  assert.equal((await ask("/news", "POST", ann))[0], 403);
  assert.equal((await ask("/admin", "GET", ann))[0], 403);
  assert.equal((await ask("/news", "GET"))[0], 401);
  assert.equal((await ask("/news", "GET", new Issuer().token()))[0], 401);
}

for (const name of ["express", "hono"]) {
  test(`the ${name} server`, async (t) => {
    const example = spawn(process.execPath, ["server.mjs"], {
      cwd: join(folder, name),
      env: { ...process.env, ...settings, PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => example.kill());
    const lines = [];
    const url = await new Promise((resolve, reject) => {
      createInterface({ input: example.stdout }).on("line", (line) => {
        lines.push(line);
        const [found] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
        if (found !== undefined) resolve(found);
      });
      example.on("exit", (code) => reject(new Error(`it ended with ${code}`)));
    });
    await enforces(url);
    const records = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
    assert.deepEqual(records.map(({ outcome }) => outcome), ["allowed", "denied", "denied", "refused", "refused"]);
    assert.equal((await (await fetch(`${url}/health`)).json()).state, "fresh");
  });
}

test("the worker, in workerd", async (t) => {
  const built = await bundleWorker(folder, "worker/worker.mjs");
  const keys = await (await fetch(settings.KEYS)).text();
  const { url, stop } = await serveWorker(built, { ...settings, KEYS: keys, JWKS: JSON.stringify(issuer.jwks) });
  t.after(stop);
  await enforces(url);
});

const builders = {
  Vite: (out) => execFileSync(process.execPath, [carried("vite"), "build", "--outDir", out, "--emptyOutDir", "--logLevel", "warn"], { cwd: join(folder, "page"), stdio: "inherit" }),
  esbuild: (out) => execFileSync(process.execPath, ["build.mjs", out], { cwd: join(folder, "page"), stdio: "inherit" }),
};

for (const [name, build] of Object.entries(builders)) {
  test(`the page, built by ${name}, shows and hides its buttons, offline too`, async (t) => {
    const out = scratch("page");
    build(out);
    assert.ok(existsSync(join(out, "index.html")));
    const { TOKEN: token, ORIGIN: origin } = settings;
    const subject = { claims: { sub: "ann", iss: issuer.issuer } };
    const config = { bundle: "/am/json/realms/root/bundles/web", keys: await server.keys(), token, origin, subject };
    writeFileSync(join(out, "config.json"), JSON.stringify(config));
    let away = false;
    const pass = async (request, response) => {
      if (away) return response.destroy();
      const answer = await fetch(server.origin + request.url, { headers: { iPlanetDirectoryPro: request.headers.iplanetdirectorypro ?? "" } });
      response.writeHead(answer.status, Object.fromEntries([...answer.headers].filter(([header]) => ["content-type", "etag"].includes(header))));
      for await (const chunk of answer.body ?? []) response.write(chunk);
      return response.end();
    };
    const paths = ["", "/notice", "/events"].map((path) => [`/am/json/realms/root/bundles/web${path}`, (q, r) => void pass(q, r).catch(() => r.destroy())]);
    const site = await serveFolder(out, Object.fromEntries(paths));
    const chromium = await browser();
    t.after(async () => {
      await chromium.close();
      site.stop();
    });
    const page = await chromium.newPage();
    page.on("pageerror", (error) => console.log(`page: ${error}`));
    const shown = async (wanted) => {
      await page.waitForFunction((text) => document.querySelector("#state").textContent.includes(text), wanted, { timeout: 60_000 });
      return page.$$eval("button", (buttons) => buttons.filter(({ hidden }) => !hidden).map(({ textContent }) => textContent));
    };
    await page.goto(site.url);
    assert.deepEqual(await shown("from the server"), ["Read"]);
    away = true;
    await page.reload();
    assert.deepEqual(await shown("from the cache"), ["Read"]);
  });
}
