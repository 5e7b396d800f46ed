// A Hono server that lets through what the policies allow. The same app runs in Deno, Bun and Workers; here Node serves it.

import { serve } from "@hono/node-server";
import { Enforcer, jsonLines, jwtSubject, PolicyClient, remoteKeySet, session } from "assize";
import { enforce } from "assize/hono";
import { Hono } from "hono";

const { AUDIENCE, BUNDLE, ISSUER, JWKS, KEYS, ORIGIN, PORT = "3000", TOKEN } = process.env;

const policies = new PolicyClient({ url: BUNDLE, keys: remoteKeySet(KEYS), authorize: session(TOKEN) });

const enforcer = new Enforcer({
  decider: policies,
  origin: ORIGIN,
  subject: jwtSubject({ issuer: ISSUER, audience: AUDIENCE, keys: JWKS }),
  log: jsonLines(),
});

const app = new Hono();
app.get("/health", (c) => c.json(policies.status()));
app.use("*", enforce(enforcer));
app.get("/news", (c) => c.text(`news for ${c.get("assize").caller.id}\n`));
app.post("/news", (c) => c.text("written\n", 201));
serve({ fetch: app.fetch, port: Number(PORT), hostname: "127.0.0.1" }, ({ port }) => console.log(`listening on http://127.0.0.1:${port}`));
