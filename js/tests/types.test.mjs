// The hand-written types, as a user's compiler sees them: ES modules and CommonJS, strict, with Express and Hono beside them.

import { execFileSync } from "node:child_process";
import { readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { HERE, project, put } from "./support/packed.mjs";

const CONSUMER = `
import { allows, type Answer, type AssizeError, BundleError, type Decider, type Decision, Enforcer, guard, jwtSubject, loadBundle,
  MemoryCache, PolicyClient, RemoteClient, session, type Tree } from "assize";
import { enforce as express } from "assize/express";
import { FileCache } from "assize/file-cache";
import { enforce as hono } from "assize/hono";
import createApp from "express";
import { Hono } from "hono";

export async function use(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const bundle = await loadBundle(bytes, { revision: 1 });
  const answer: Answer = bundle.evaluate({ resources: ["https://h/"], subject: { claims: { sub: "ann", n: [1, { a: null }] } } });
  const tree: Tree = bundle.evaluateTree({ resource: "https://h/" });
  const decision: Decision = tree.decide("https://h/x");
  const actions: boolean | undefined = decision.actions["GET"];
  const decider: Decider = new PolicyClient({ url: "https://am/json/bundles/web", keys: { keys: [] }, cache: new FileCache("x"),
    remote: new RemoteClient({ url: "https://am", authorize: session(() => "token") }), outside: { resolve: (needs) => ({ [needs[0]?.id ?? ""]: { satisfied: true } }) } });
  const enforcer = new Enforcer({ decider, origin: "https://h", subject: jwtSubject({ issuer: "i", audience: ["a"], keys: "https://i/jwks" }) });
  const app = createApp();
  app.use(express(enforcer));
  const other = new Hono<{ Variables: import("assize/hono").AssizeVariables }>();
  other.use("*", hono(enforcer));
  other.get("/", (c) => c.text(c.get("assize").caller?.id ?? ""));
  const handler: (request: Request, env: { A: string }) => Promise<Response> = guard(enforcer, (_, verdict, env: { A: string }) => new Response(env.A + verdict.decision.resource));
  try {
    await handler(new Request("https://h/"), { A: "a" });
  } catch (error) {
    const code: string = (error as AssizeError).code;
    if (error instanceof BundleError && error.code === "staleBundle") return code === "";
  }
  // @ts-expect-error: a bundle is asked for resources
  bundle.evaluate({ resource: "https://h/" });
  // @ts-expect-error: an environment's values are lists
  bundle.evaluate({ resources: ["https://h/"], environment: { requestIp: "10.0.0.7" } });
  // @ts-expect-error: decisions are not to be changed
  decision.actions["GET"] = true;
  void new MemoryCache();
  return actions === true && allows(answer.decisions[0], "GET");
}
`;

test("the types hold for ES modules and for CommonJS", () => {
  const folder = project("types");
  const modules = join(folder, "node_modules");
  for (const name of ["express", "hono", ...readdirSync(join(HERE, "node_modules/@types")).map((n) => `@types/${n}`)]) {
    if (name.startsWith("@types/")) put(folder, { "node_modules/@types/.keep": "" });
    symlinkSync(join(HERE, "node_modules", name), join(modules, name));
  }
  const options = { strict: true, noEmit: true, module: "nodenext", moduleResolution: "nodenext", target: "es2022", lib: ["es2023", "dom", "dom.iterable"], types: ["node"], exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false };
  put(folder, { "esm.mts": CONSUMER, "cjs.cts": CONSUMER.replace('import createApp from "express"', 'import createApp = require("express")'), "tsconfig.json": JSON.stringify({ compilerOptions: options, files: ["esm.mts", "cjs.cts"] }) });
  execFileSync(process.execPath, [join(HERE, "node_modules/typescript/bin/tsc"), "-p", folder], { stdio: "inherit" });
});
