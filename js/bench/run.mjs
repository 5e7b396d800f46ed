// `cargo xtask bench js [N…]`: this package beside Cedar's, in Node and in workerd, on the project's own workload. Prints figures
// and ratios; nothing here fails for being slow. Run it on a quiet machine.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { scratch, TARGET } from "../tests/support/packed.mjs";
import { bundleWorker, serveWorker } from "../tests/support/workerd.mjs";
import { readWorkload } from "./workload.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const SUBJECTS = ["assize", "assizeObjects", "cedar"];
const NAMES = { assize: "assize, text", assizeObjects: "assize, objects", cedar: "cedar-wasm, stateful" };
const SECONDS = 4;
const counts = process.argv.slice(2).map(Number);

const worker = await bundleWorker(HERE, "worker.mjs");
for (const count of counts.length > 0 ? counts : [10, 1_000, 10_000]) {
  const folder = scratch("workload");
  execFileSync(join(TARGET, "debug/figures"), ["workload", folder, String(count)], { stdio: "inherit" });
  for (const [runtime, measure] of [["Node", inNode], ["workerd", inWorkerd]]) {
    const rows = [];
    for (const subject of SUBJECTS) rows.push([subject, await measure(subject, folder)]);
    report(runtime, count, rows);
  }
}

function inNode(subject, folder) {
  const run = (seconds) =>
    JSON.parse(execFileSync(process.execPath, ["--expose-gc", join(HERE, "node.mjs"), subject, folder, String(seconds)], { encoding: "utf8" }));
  // The first decision is timed on the clock, which a busy machine stretches: the best of several processes counts.
  const firsts = Array.from({ length: 4 }, () => run(0).first);
  const whole = run(SECONDS);
  return { ...whole, first: Math.min(whole.first, ...firsts) };
}

async function inWorkerd(subject, folder) {
  const { url, pid, stop } = await serveWorker(worker);
  try {
    const { bundle, ...workload } = readWorkload(folder);
    const form = new FormData();
    form.set("bundle", new Blob([bundle]));
    const mine = subject === "cedar" ? workload : { ...workload, cedarPolicies: "", cedarCalls: [] };
    form.set("workload", new Blob([JSON.stringify(mine)]));
    await fetch(`${url}/decide?from=0&to=0`);
    const resident = residentBytes(pid);
    const started = performance.now();
    await (await fetch(`${url}/load?subject=${subject}`, { method: "POST", body: form })).text();
    const first = performance.now() - started;
    const memory = residentBytes(pid) - resident;
    // As many decisions as fit into the time, found by trying.
    let to = 1;
    let took = 0;
    for (; to < workload.requests.length; to = Math.min(workload.requests.length, to * 4)) {
      took = await cpu(pid, () => fetch(`${url}/decide?from=0&to=${to}`));
      if (took > SECONDS * 100) break;
    }
    const { wrong } = await (await fetch(`${url}/decide?from=0&to=${to}&check`)).json();
    const rounds = Math.max(1, Math.min(50, Math.round((SECONDS * 1_000) / Math.max(took, 20))));
    const spent = await cpu(pid, async () => {
      for (let i = 0; i < rounds; i += 1) await (await fetch(`${url}/decide?from=0&to=${to}`)).text();
    });
    return { first, decision: (spent * 1e6) / (rounds * to), memory, checked: to, wrong };
  } finally {
    stop();
  }
}

/** Milliseconds of CPU that a process spends on something; the kernel counts in hundredths of a second. */
async function cpu(pid, work) {
  const read = () => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ").slice(11, 13).reduce((sum, ticks) => sum + Number(ticks) * 10, 0);
  const before = read();
  await work();
  return read() - before;
}

function residentBytes(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;
}

function report(runtime, count, rows) {
  const line = (...cells) => console.log(cells.map((cell, i) => (i === 0 ? String(cell).padEnd(24) : String(cell).padStart(18))).join(""));
  console.log(`\n${count} policies in ${runtime}`);
  line("", "first decision", "a decision", "decisions/s", "memory", "wrong answers");
  for (const [subject, { first, decision, memory, checked, wrong }] of rows) {
    line(NAMES[subject], `${first.toFixed(1)} ms`, `${(decision / 1_000).toFixed(1)} µs`, Math.round(1e9 / decision), `${(memory / (1 << 20)).toFixed(1)} MB`, `${wrong} of ${checked}`);
  }
  const [[, text], [, objects], [, peer]] = rows;
  const ratio = (member, mine) => `${(peer[member] / mine[member]).toFixed(1)} ×`;
  line("cedar / assize, text", ratio("first", text), ratio("decision", text), ratio("decision", text), ratio("memory", text), "");
  line("cedar / assize, objects", ratio("first", objects), ratio("decision", objects), ratio("decision", objects), ratio("memory", objects), "");
}
