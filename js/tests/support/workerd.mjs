// A worker in workerd, the runtime of Cloudflare's edge, as its own program.

import { spawn } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { build } from "esbuild";
import { carried, scratch } from "./packed.mjs";

/** Bundles a worker of a project, as wrangler does: a compiled module stays an import. Gives the folder of the result. */
export async function bundleWorker(project, entry) {
  const outdir = scratch("worker");
  await build({
    entryPoints: { worker: join(project, entry) },
    absWorkingDir: project,
    outdir,
    bundle: true,
    format: "esm",
    target: "es2022",
    conditions: ["workerd", "worker"],
    loader: { ".wasm": "copy" },
    logLevel: "warning",
  });
  return outdir;
}

/** Serves a bundled worker: `{url, pid, stop}`. `vars` become text bindings. */
export async function serveWorker(folder, vars = {}) {
  const wasm = readdirSync(folder).filter((name) => name.endsWith(".wasm"));
  const modules = [
    `(name = "worker.js", esModule = embed "worker.js")`,
    ...wasm.map((name) => `(name = "${name}", wasm = embed "${name}")`),
  ];
  const bindings = Object.entries(vars).map(([name, text]) => `(name = "${name}", text = ${JSON.stringify(text)})`);
  writeFileSync(
    join(folder, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["private", "local", "public"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [${modules.join(", ")}],
  bindings = [${bindings.join(", ")}],
  compatibilityDate = "2026-01-01",
);
`,
  );
  const runtime = spawn(carried("workerd"), ["serve", join(folder, "config.capnp"), "--control-fd=3"], {
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  const stop = () => void runtime.kill("SIGKILL");
  process.on("exit", stop);
  for await (const line of createInterface({ input: runtime.stdio[3] })) {
    const message = JSON.parse(line);
    if (message.event === "listen") return { url: `http://127.0.0.1:${message.port}`, pid: runtime.pid, stop };
  }
  throw new Error("workerd ended before it listened");
}
