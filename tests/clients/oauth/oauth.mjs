// Two OAuth clients of others, oauth4webapi and openid-client, against a running server: discovery, both secrets, signed
// assertions, tokens that they check themselves, introspection and revocation.
//
//   node oauth.mjs BASE_URL ADMINISTRATOR_PASSWORD

import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";

const [base, password] = process.argv.slice(2);
const issuer = new URL(base);
const plain = { [oauth.allowInsecureRequests]: true };
let passed = 0;

async function check(name, work) {
  await work();
  passed += 1;
  console.log(`ok ${name}`);
}

async function register(metadata) {
  const answer = await fetch(`${base}/connect/register`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Authorization: `Basic ${Buffer.from(`amadmin:${password}`).toString("base64")}`,
    },
    body: JSON.stringify(metadata),
  });
  assert.equal(answer.status, 201, await answer.clone().text());
  return answer.json();
}

const es256 = { name: "ECDSA", namedCurve: "P-256" };
const pair = await crypto.subtle.generateKey(es256, true, ["sign", "verify"]);
const jwk = await crypto.subtle.exportKey("jwk", pair.publicKey);
const keys = [{ kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y, alg: "ES256", use: "sig", kid: "mine" }];
const scope = "policyserver.management";
const bySecret = await register({ client_name: "secret", scope: `${scope} policyserver.runtime` });
const byKeys = await register({ client_name: "keys", jwks: { keys } });

const ways = {
  basic: [bySecret, oauth.ClientSecretBasic(bySecret.client_secret)],
  post: [bySecret, oauth.ClientSecretPost(bySecret.client_secret)],
  private_key_jwt: [byKeys, oauth.PrivateKeyJwt({ key: pair.privateKey, kid: "mine" })],
};

for (const algorithm of ["oauth2", "oidc"]) {
  await check(`oauth4webapi discovery ${algorithm}`, async () => {
    const answer = await oauth.discoveryRequest(issuer, { algorithm, ...plain });
    const as = await oauth.processDiscoveryResponse(issuer, answer);
    assert.equal(as.issuer, base);
    assert.equal(as.token_endpoint, `${base}/connect/token`);
  });
}
const discovered = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...plain });
const as = await oauth.processDiscoveryResponse(issuer, discovered);

for (const [way, [client, authentication]] of Object.entries(ways)) {
  await check(`oauth4webapi ${way}`, async () => {
    const metadata = { client_id: client.client_id };
    const parameters = new URLSearchParams({ scope });
    const answer = await oauth.clientCredentialsGrantRequest(as, metadata, authentication, parameters, plain);
    const token = await oauth.processClientCredentialsResponse(as, metadata, answer);
    assert.equal(token.token_type, "bearer");
    assert.equal(token.scope, scope);

    // It checks the token as a resource server would (RFC 9068), by the published keys.
    const headers = { Authorization: `Bearer ${token.access_token}` };
    const request = new Request(`${base}/management`, { headers });
    const claims = await oauth.validateJwtAccessToken(as, request, scope, plain);
    assert.equal(claims.client_id, client.client_id);

    const used = await fetch(`${base}/am/json/global-config/roles?_queryFilter=true`, { headers });
    assert.equal(used.status, 200);
    const seen = await oauth.introspectionRequest(as, metadata, authentication, token.access_token, plain);
    assert.equal((await oauth.processIntrospectionResponse(as, metadata, seen)).active, true);
    const revoked = await oauth.revocationRequest(as, metadata, authentication, token.access_token, plain);
    await oauth.processRevocationResponse(revoked);
    assert.equal((await fetch(used.url, { headers })).status, 401);
    const after = await oauth.introspectionRequest(as, metadata, authentication, token.access_token, plain);
    assert.equal((await oauth.processIntrospectionResponse(as, metadata, after)).active, false);
  });
}

await check("oauth4webapi reads errors", async () => {
  const metadata = { client_id: bySecret.client_id };
  const wrong = oauth.ClientSecretPost("wrong");
  const answer = await oauth.clientCredentialsGrantRequest(as, metadata, wrong, new URLSearchParams(), plain);
  await assert.rejects(oauth.processClientCredentialsResponse(as, metadata, answer), { error: "invalid_client" });
  const right = ways.basic[1];
  const parameters = new URLSearchParams({ scope: "everything" });
  const refused = await oauth.clientCredentialsGrantRequest(as, metadata, right, parameters, plain);
  await assert.rejects(oauth.processClientCredentialsResponse(as, metadata, refused), { error: "invalid_scope" });
});

for (const algorithm of ["oauth2", "oidc"]) {
  for (const [way, client, authentication] of [
    ["basic", bySecret, openid.ClientSecretBasic(bySecret.client_secret)],
    ["post", bySecret, openid.ClientSecretPost(bySecret.client_secret)],
    ["private_key_jwt", byKeys, openid.PrivateKeyJwt({ key: pair.privateKey, kid: "mine" })],
  ]) {
    await check(`openid-client ${algorithm} ${way}`, async () => {
      const execute = [openid.allowInsecureRequests];
      const options = { algorithm, execute };
      const config = await openid.discovery(issuer, client.client_id, undefined, authentication, options);
      const token = await openid.clientCredentialsGrant(config, { scope });
      assert.equal((await openid.tokenIntrospection(config, token.access_token)).active, true);
      await openid.tokenRevocation(config, token.access_token);
      assert.equal((await openid.tokenIntrospection(config, token.access_token)).active, false);
    });
  }
}
console.log(`${passed} checks of JavaScript clients passed`);
