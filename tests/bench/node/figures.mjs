// Measures the decision module in Node: `node figures.mjs decisions|first <module folder> <data folder>`.
// `decisions` prints nanoseconds of CPU for one decision, the median over batches, after checking every answer;
// `first` prints milliseconds from the start of the import to the first decision.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const BATCHES = 15;

const [what, moduleFolder, dataFolder] = process.argv.slice(2);
const bytes = readFileSync(join(dataFolder, "bundle"));
const requests = readFileSync(join(dataFolder, "requests"), "utf8").split("\n");

const start = performance.now();
// The glue is written as an ES module without a package.json beside it that would say so.
const source = readFileSync(join(moduleFolder, "assize_engine.js"), "utf8");
const glue = await import(`data:text/javascript;base64,${Buffer.from(source).toString("base64")}`);
glue.initSync({ module: readFileSync(join(moduleFolder, "assize_engine_bg.wasm")) });
const bundle = glue.Bundle.load(bytes, 1);
const first = bundle.evaluateText(requests[0]);

if (what === "first") {
  console.log((performance.now() - start).toFixed(1));
  if (!first.startsWith('{"decisions"')) throw new Error(first);
} else {
  const answers = readFileSync(join(dataFolder, "answers"), "utf8").split("\n");
  requests.forEach((request, i) => {
    const answer = bundle.evaluateText(request);
    if (answer !== answers[i]) throw new Error(`${request} is answered ${answer}`);
  });
  const taken = [];
  for (let batch = 0; batch < BATCHES; batch++) {
    const before = process.cpuUsage();
    for (const request of requests) bundle.evaluateText(request);
    const used = process.cpuUsage(before);
    taken.push(((used.user + used.system) * 1000) / requests.length);
  }
  taken.sort((a, b) => a - b);
  console.log(taken[BATCHES >> 1].toFixed(0));
}
