// Elasticsearch's own JavaScript clients, the newest and 7.17, against a running server: tokens are got, used, refreshed
// and invalidated, and refusals arrive as the clients' own errors.
//
//   node tokens.mjs BASE_URL ADMINISTRATOR_PASSWORD

import assert from "node:assert/strict";
import * as newest from "elasticsearch9";
import * as seven from "elasticsearch7";
import { administrator } from "./administrator.mjs";

const [base, password] = process.argv.slice(2);
const amadmin = { username: "amadmin", password };
const guest = { username: "js-guest", password: "Js-guest.pass1" };
let passed = 0;

// A user who may nothing but log in: it is whom tokens of the password grant are for.
const { rest } = await administrator(`${base}/am`, password);
await rest("POST", "/users?_action=create", { username: guest.username, userpassword: guest.password });

// The members of a call are the body's own in version 9, and below `body` in version 7, whose answers have one too.
const clients = {
  "9.4.3": {
    open: (auth) => new newest.Client({ node: base, auth }),
    errors: newest.errors,
    call: (method, members) => method(members),
  },
  "7.17.14": {
    open: (auth) => new seven.Client({ node: base, auth }),
    errors: seven.errors,
    call: async (method, members) => (await method(members && { body: members })).body,
  },
};

for (const [version, { open, errors, call }] of Object.entries(clients)) {
  const check = async (name, work) => {
    await work();
    passed += 1;
    console.log(`ok @elastic/elasticsearch ${version} ${name}`);
  };
  const get = (client, members) => call((...given) => client.security.getToken(...given), members);
  const end = (client, members) => call((...given) => client.security.invalidateToken(...given), members);
  const who = (client) => call((...given) => client.security.authenticate(...given));
  const fails = (work, status, type) =>
    assert.rejects(work, (error) => {
      assert.ok(error instanceof errors.ResponseError, `${error}`);
      assert.equal(error.statusCode, status, error.message);
      const said = error.meta.body.error;
      assert.equal(said.type ?? said, type, error.message);
      return true;
    });
  const counts = (answer) => [answer.invalidated_tokens, answer.previously_invalidated_tokens, answer.error_count];
  const manager = open(amadmin);
  const byPassword = { grant_type: "password", ...guest };

  await check("asks the server what it is", async () => {
    const product = await call((...given) => manager.info(...given));
    assert.equal(product.tagline, "You Know, for Search");
  });
  await check("authenticates by password", async () => {
    const answer = await who(manager);
    assert.equal(answer.username, "amadmin");
    assert.equal(answer.authentication_type, "realm");
  });
  await check("gets, uses and invalidates a token of its own", async () => {
    const token = await get(manager, { grant_type: "client_credentials" });
    assert.equal(token.type, "Bearer");
    assert.equal(token.expires_in, 1200);
    assert.equal(token.refresh_token, undefined);
    assert.equal(token.authentication.username, "amadmin");
    const bearer = open({ bearer: token.access_token });
    const answer = await who(bearer);
    assert.deepEqual([answer.username, answer.authentication_type], ["amadmin", "token"]);
    const one = { token: token.access_token };
    assert.deepEqual(counts(await end(manager, one)), [1, 0, 0]);
    assert.deepEqual(counts(await end(manager, one)), [0, 1, 0]);
    await fails(() => who(bearer), 401, "security_exception");
  });
  await check("gets a token for a user by password, and refreshes it once", async () => {
    const pair = await get(manager, { ...byPassword, scope: "FULL" });
    assert.deepEqual([pair.type, pair.scope], ["Bearer", "full"]);
    assert.equal((await who(open({ bearer: pair.access_token }))).username, guest.username);
    const refresh = { grant_type: "refresh_token", refresh_token: pair.refresh_token };
    const next = await get(manager, refresh);
    assert.notEqual(next.access_token, pair.access_token);
    assert.notEqual(next.refresh_token, pair.refresh_token);
    for (const each of [pair, next]) assert.equal((await who(open({ bearer: each.access_token }))).username, guest.username);
    // The second use of a refresh token ends everything that came of it.
    await fails(() => get(manager, refresh), 400, "invalid_grant");
    for (const each of [pair, next]) await fails(() => who(open({ bearer: each.access_token })), 401, "security_exception");
  });
  await check("invalidates refresh tokens and all tokens of a user", async () => {
    const pair = await get(manager, byPassword);
    const refresh = { refresh_token: pair.refresh_token };
    assert.deepEqual(counts(await end(manager, refresh)), [1, 0, 0]);
    assert.deepEqual(counts(await end(manager, refresh)), [0, 1, 0]);
    await fails(() => get(manager, { grant_type: "refresh_token", ...refresh }), 400, "invalid_grant");
    const another = await get(manager, byPassword);
    const [ended, , faults] = counts(await end(manager, { username: guest.username, realm_name: "native" }));
    assert.ok(ended >= 3 && faults === 0, `${ended} ended`);
    await fails(() => who(open({ bearer: another.access_token })), 401, "security_exception");
  });
  await check("reads refusals", async () => {
    await fails(() => who(open({ ...amadmin, password: "wrong" })), 401, "security_exception");
    await fails(() => who(open({ bearer: "garbage" })), 401, "security_exception");
    await fails(() => get(manager, { ...byPassword, password: "wrong" }), 401, "security_exception");
    await fails(() => get(open(guest), { grant_type: "client_credentials" }), 403, "security_exception");
    await fails(() => get(manager, { grant_type: "password", username: "x" }), 400, "invalid_request");
    await fails(() => get(manager, { grant_type: "colour" }), 400, "unsupported_grant_type");
    await fails(() => get(manager, { grant_type: "client_credentials", colour: "red" }), 400, "x_content_parse_exception");
    await fails(() => end(manager, { token: "a", refresh_token: "b" }), 400, "illegal_argument_exception");
    await fails(() => end(manager, {}), 400, "illegal_argument_exception");
    await assert.rejects(() => end(manager, { token: "garbage" }), (error) => {
      assert.equal(error.statusCode, 404);
      assert.deepEqual(counts(error.meta.body), [0, 0, 0]);
      return true;
    });
  });
}
console.log(`${passed} checks of Elasticsearch's JavaScript clients passed`);
