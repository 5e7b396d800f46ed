// One subject in a fresh Node: `node node.mjs SUBJECT FOLDER SECONDS`. Prints JSON: milliseconds from the start of the import to
// the first decision, nanoseconds of CPU for a decision (the median over batches), resident memory that the subject took.

import { readWorkload } from "./workload.mjs";

const [subject, folder, seconds] = process.argv.slice(2);
const workload = readWorkload(folder);
globalThis.gc?.();
const before = process.memoryUsage.rss();

const started = performance.now();
const loaded = await load();
loaded.decide(0);
const first = performance.now() - started;
globalThis.gc?.();
const memory = process.memoryUsage.rss() - before;

const sample = Math.min(workload.requests.length, 2_000);
const limit = performance.now() + Number(seconds) * 1_000;
let wrong = 0;
let checked = 0;
for (; checked < sample && performance.now() < limit; checked += 1) {
  if (!loaded.isRight(checked, loaded.decide(checked))) wrong += 1;
}
const batches = [];
while (batches.length < 3 || performance.now() < limit + Number(seconds) * 1_000) {
  const { user, system } = process.cpuUsage();
  for (let i = 0; i < checked; i += 1) loaded.decide(i);
  const used = process.cpuUsage({ user, system });
  batches.push(((used.user + used.system) * 1_000) / checked);
  if (batches.length >= 15) break;
}
batches.sort((a, b) => a - b);
console.log(JSON.stringify({ first, decision: batches[batches.length >> 1], memory, checked, wrong }));

async function load() {
  const subjects = await import("./subjects.mjs");
  if (subject === "cedar") return subjects.cedar(await import("@cedar-policy/cedar-wasm/nodejs"), workload);
  return subjects[subject](await import("assize"), workload);
}
