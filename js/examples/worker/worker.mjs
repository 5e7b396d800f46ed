// An edge worker that lets through what the policies allow. Between requests a worker runs nothing: a decision first asks
// whether the bundle is current when the last answer is older than a second, and while there are requests, a stream of
// notices is followed beside them.

import { Enforcer, guard, jwtSubject, PolicyClient, session } from "assize";

let guarded;

/** Bindings come with the first request. The client and its bundle stay for as long as the worker does. */
function setUp(env) {
  const policies = new PolicyClient({
    url: env.BUNDLE,
    keys: JSON.parse(env.KEYS), // pinned: what the server's /.well-known/assize-bundle-keys says
    authorize: session(env.TOKEN),
    refresh: "demand",
  });
  const enforcer = new Enforcer({
    decider: policies,
    origin: env.ORIGIN,
    subject: jwtSubject({ issuer: env.ISSUER, audience: env.AUDIENCE, keys: JSON.parse(env.JWKS) }),
  });
  const clientAddress = (request) => request.headers.get("cf-connecting-ip") ?? undefined;
  return { policies, handle: guard(enforcer, news, clientAddress) };
}

function news(request, { caller }) {
  return new Response(request.method === "POST" ? "written\n" : `news for ${caller.id}\n`);
}

export default {
  fetch(request, env, context) {
    guarded ??= setUp(env);
    guarded.policies.attend(context, 25_000);
    return guarded.handle(request, env, context);
  },
};
