// An Express server that lets through what the policies allow.

import { Enforcer, jsonLines, jwtSubject, PolicyClient, remoteKeySet, session } from "assize";
import { enforce } from "assize/express";
import { FileCache } from "assize/file-cache";
import express from "express";

const { AUDIENCE, BUNDLE, CACHE = ".bundles", ISSUER, JWKS, KEYS, ORIGIN, PORT = "3000", TOKEN } = process.env;

const policies = new PolicyClient({
  url: BUNDLE,
  keys: remoteKeySet(KEYS),
  authorize: session(TOKEN),
  cache: new FileCache(CACHE), // decides after a restart, too, while the policy server is away
  onError: (error) => console.error(`policies: ${error.message}`),
});
await policies.ready();

const enforcer = new Enforcer({
  decider: policies,
  origin: ORIGIN,
  subject: jwtSubject({ issuer: ISSUER, audience: AUDIENCE, keys: JWKS }),
  log: jsonLines(),
});

const app = express();
app.get("/health", (request, response) => response.json(policies.status())); // before the guard: open to all
app.use(enforce(enforcer));
app.get("/news", (request, response) => response.send(`news for ${request.assize.caller.id}\n`));
app.post("/news", (request, response) => response.status(201).send("written\n"));
const server = app.listen(Number(PORT), "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
