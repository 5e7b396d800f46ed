//! Attacks on client assertions (`private_key_jwt`): each is `invalid_client`, whatever is wrong with it.

use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::jwt::{Key, assertion_claims, changed, now, unsigned};
use crate::support::{Client, Reply};
use crate::{Backend, Place, anything, error, on_both, post_form, register, registered};

on_both! {
    assertions_prove_a_client_once forged_assertions_prove_nothing a_key_leaves_the_choice_that_its_type_has
}

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn send(client: &Client, path: &str, assertion: &str, more: &[(&str, &str)]) -> Reply {
    let mut parameters = vec![
        ("grant_type", "client_credentials"),
        ("client_assertion_type", TYPE),
        ("client_assertion", assertion),
    ];
    parameters.extend_from_slice(more);
    post_form(client, path, &[], &parameters)
}

fn with_keys(client: &Client, key: &Key) -> String {
    let metadata = json!({
        "client_name": "by keys",
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "jwks": {"keys": [key.jwk]},
    });
    let answer = register(client, &metadata);
    assert!(answer.get("client_secret").is_none(), "{answer}");
    answer["client_id"].as_str().unwrap().to_owned()
}

async fn assertions_prove_a_client_once(backend: Backend) {
    let place = Place::start(backend).await;
    let (client, key, issuer) = (place.client(), Key::ec(), place.issuer());
    let id = with_keys(&client, &key);
    let header = json!({"alg": "ES256"});
    let mut jti = 0;
    let mut fresh = |changes: Value| {
        jti += 1;
        let claims = assertion_claims(&id, &issuer, &format!("fresh-{jti}"));
        key.sign(&header, &changed(&claims, changes))
    };
    let token = format!("{issuer}/connect/token");
    let localhost = token.replace("127.0.0.1", "localhost");
    for (path, changes) in [
        ("/connect/token", json!({})),
        ("/token", json!({"aud": [issuer]})),
        ("/connect/token", json!({"aud": token})),
        ("/connect/token", json!({"aud": localhost})),
        ("/connect/token", json!({"aud": format!("{issuer}/token")})),
        ("/connect/token", json!({"exp": now() + 3600, "nbf": now()})),
    ] {
        let reply = send(
            &client,
            path,
            &fresh(changes.clone()),
            &[("client_id", &id)],
        );
        assert_eq!(reply.status, 200, "{path} {changes}: {reply:?}");
    }
    // The other endpoints take the same proof.
    let assertion = fresh(json!({"aud": token}));
    let parameters = [
        ("token", "x"),
        ("client_assertion_type", TYPE),
        ("client_assertion", assertion.as_str()),
    ];
    let reply = post_form(&client, "/connect/introspect", &[], &parameters);
    assert_eq!(
        (reply.status, reply.text.as_str()),
        (200, r#"{"active":false}"#)
    );
    // Once only, at whichever endpoint.
    let replayed = send(&client, "/connect/token", &assertion, &[]);
    assert_eq!(error(&replayed), (400, "invalid_client".into()));
}

async fn forged_assertions_prove_nothing(backend: Backend) {
    let place = Place::with(backend, &[("failures_per_address", 0.into())]).await;
    let (client, key) = (place.client(), Key::ec());
    let id = with_keys(&client, &key);
    let by_secret = registered(&client, &anything());
    let header = json!({"alg": "ES256"});
    let claims = assertion_claims(&id, &place.issuer(), "the-one");
    let access_token = by_secret.token(&client, "policyserver.management");
    let attacks = [
        (
            "alg none",
            format!("{}.", unsigned(&json!({"alg": "none"}), &claims)),
        ),
        (
            "HMAC with the public key",
            by_hmac(&key.jwk.to_string(), &claims),
        ),
        (
            "HMAC with a coordinate",
            by_hmac(key.jwk["x"].as_str().unwrap(), &claims),
        ),
        ("a stranger's key", Key::ec().sign(&header, &claims)),
        (
            "another algorithm's name",
            key.sign(&json!({"alg": "RS256"}), &claims),
        ),
        (
            "a kid that is none of ours",
            key.sign(&json!({"alg": "ES256", "kid": 7}), &claims),
        ),
        (
            "an access token's typ",
            key.sign(&json!({"alg": "ES256", "typ": "at+jwt"}), &claims),
        ),
        (
            "a proof of possession's typ",
            key.sign(&json!({"alg": "ES256", "typ": "dpop+jwt"}), &claims),
        ),
        (
            "crit",
            key.sign(
                &json!({"alg": "ES256", "crit": ["b64"], "b64": false}),
                &claims,
            ),
        ),
        (
            "jku",
            key.sign(
                &json!({"alg": "ES256", "jku": "https://evil.example"}),
                &claims,
            ),
        ),
        (
            "jwk",
            key.sign(&json!({"alg": "ES256", "jwk": key.jwk}), &claims),
        ),
        ("an access token", access_token),
        ("no JWT", "x".into()),
        (
            "too long",
            key.sign(&header, &changed(&claims, json!({"x": "y".repeat(9000)}))),
        ),
    ];
    let of_claims = [
        ("no issuer", json!({"iss": null})),
        ("another issuer", json!({"iss": by_secret.id})),
        ("another subject", json!({"sub": by_secret.id})),
        (
            "a client without keys",
            json!({"iss": by_secret.id, "sub": by_secret.id}),
        ),
        (
            "an unknown client",
            json!({"iss": "nobody", "sub": "nobody"}),
        ),
        ("no audience", json!({"aud": null})),
        (
            "another server",
            json!({"aud": "https://elsewhere.example"}),
        ),
        (
            "another endpoint",
            json!({"aud": format!("{}/connect/register", place.issuer())}),
        ),
        (
            "several audiences",
            json!({"aud": [place.issuer(), "https://elsewhere.example"]}),
        ),
        ("no end", json!({"exp": null})),
        ("expired", json!({"exp": now() - 60})),
        ("good for too long", json!({"exp": now() + 4000})),
        ("not good yet", json!({"nbf": now() + 300})),
        ("issued in the future", json!({"iat": now() + 300})),
        ("no jti", json!({"jti": null})),
        ("an empty jti", json!({"jti": ""})),
        ("a jti that is too long", json!({"jti": "x".repeat(300)})),
    ]
    .map(|(attack, changes)| (attack, key.sign(&header, &changed(&claims, changes))));
    let mut count = 0;
    for (attack, assertion) in attacks.into_iter().chain(of_claims) {
        let reply = send(&client, "/connect/token", &assertion, &[]);
        assert_eq!(
            error(&reply),
            (400, "invalid_client".into()),
            "{attack}: {reply:?}"
        );
        assert!(reply.header("WWW-Authenticate").is_none(), "{attack}");
        assert_eq!(reply.header("Cache-Control"), Some("no-store"), "{attack}");
        count += 1;
    }
    let good = key.sign(&header, &claims);
    let other = send(
        &client,
        "/connect/token",
        &good,
        &[("client_id", &by_secret.id)],
    );
    assert_eq!(
        error(&other),
        (400, "invalid_client".into()),
        "client_id of another client"
    );
    // None of the attempts used up the assertion that they imitate.
    assert_eq!(send(&client, "/connect/token", &good, &[]).status, 200);
    println!("{} forged assertions were refused", count + 1);
}

/// Without `alg` in the key or in the registration every advertised algorithm of the key's type is taken, and no other.
async fn a_key_leaves_the_choice_that_its_type_has(backend: Backend) {
    let place = Place::start(backend).await;
    let (client, issuer) = (place.client(), place.issuer());
    let mut rsa = Key::of_server(&place, "tokens-rs256");
    let mut jti = 0;
    let mut try_with = |registration: Value, key: &Key, named: &str| {
        let id = register(&client, &registration)["client_id"].clone();
        jti += 1;
        let claims = assertion_claims(id.as_str().unwrap(), &issuer, &format!("choice-{jti}"));
        let assertion = key.sign(&json!({"alg": named}), &claims);
        send(&client, "/connect/token", &assertion, &[]).status
    };
    let mut open = rsa.jwk.clone();
    open.as_object_mut().unwrap().remove("alg");
    let free = json!({"jwks": {"keys": [open]}});
    for algorithm in [
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
    ] {
        rsa.algorithm = algorithm;
        let name = format!("{algorithm:?}");
        assert_eq!(try_with(free.clone(), &rsa, &name), 200, "{name}");
        let bound = json!({"jwks": {"keys": [open]}, "token_endpoint_auth_signing_alg": "PS384"});
        let expected = if name == "PS384" { 200 } else { 400 };
        assert_eq!(try_with(bound, &rsa, &name), expected, "{name}");
        let mut pinned = open.clone();
        pinned["alg"] = "RS512".into();
        let expected = if name == "RS512" { 200 } else { 400 };
        let pinned = json!({"jwks": {"keys": [pinned]}});
        assert_eq!(try_with(pinned, &rsa, &name), expected, "{name}");
        // The name of another algorithm does not make it one.
        assert_eq!(try_with(free.clone(), &rsa, "ES256"), 400, "{name}");
    }
    let ec = Key::ec();
    let of_ec = json!({"jwks": {"keys": [ec.jwk]}});
    assert_eq!(try_with(of_ec.clone(), &ec, "ES256"), 200);
    for other in ["ES384", "RS256", "PS256", "EdDSA", "HS256", "none"] {
        assert_eq!(try_with(of_ec.clone(), &ec, other), 400, "{other}");
    }
    let public = by_hmac(
        &open.to_string(),
        &assertion_claims("x", &issuer, "by-the-public-key"),
    );
    assert_eq!(send(&client, "/connect/token", &public, &[]).status, 400);
}

fn by_hmac(secret: &str, claims: &Value) -> String {
    let key = Key {
        algorithm: Algorithm::HS256,
        private: EncodingKey::from_secret(secret.as_bytes()),
        jwk: Value::Null,
    };
    key.sign(&json!({"alg": "HS256"}), claims)
}
