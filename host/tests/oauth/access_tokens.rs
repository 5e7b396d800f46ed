//! Attacks on access tokens: each is refused as RFC 6750 says, and the same token without the attack is not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::jwt::{Key, changed, now, unsigned};
use crate::{Backend, Place, anything, list_clients, on_both, registered};

on_both! { forged_tokens_open_nothing both_kinds_of_keys_sign }

/// What makes a token that is good.
struct Good {
    key: Key,
    header: Value,
    claims: Value,
}

impl Good {
    async fn of(place: &Place) -> Good {
        let client = place.client();
        let key = Key::of_server(place, "tokens-rs256");
        let id = registered(&client, &anything()).id;
        Good {
            header: json!({"alg": "RS256", "typ": "at+jwt", "kid": key.kid()}),
            claims: json!({
                "iss": place.issuer(), "sub": id, "client_id": id, "aud": "policyserver.management",
                "iat": now(), "exp": now() + 60, "jti": "one",
            }),
            key,
        }
    }

    fn signed(&self, header: Value, claims: Value) -> String {
        self.key.sign(
            &changed(&self.header, header),
            &changed(&self.claims, claims),
        )
    }
}

async fn forged_tokens_open_nothing(backend: Backend) {
    let place = Place::start(backend).await;
    let good = Good::of(&place).await;
    let client = place.client();
    let token = good.signed(json!({}), json!({}));
    assert_eq!(
        list_clients(&client, &token).status,
        200,
        "the harness makes good tokens"
    );
    let harmless = [
        good.signed(json!({"typ": "application/AT+JWT"}), json!({})),
        good.signed(
            json!({"x5t": "abc", "cty": "x"}),
            json!({"unknown": {"a": 1}}),
        ),
        good.signed(
            json!({}),
            json!({"aud": ["elsewhere", "policyserver.management"]}),
        ),
        good.signed(
            json!({}),
            json!({"nbf": now() + 10, "exp": now() as f64 + 60.5}),
        ),
    ];
    for token in &harmless {
        assert_eq!(list_clients(&client, token).status, 200, "{token}");
    }
    let mut count = 0;
    for (attack, token) in attacks(&place, &good, &token) {
        let reply = list_clients(&client, &token);
        assert_eq!(reply.status, 401, "{attack}: {reply:?}");
        let challenge = reply.header("WWW-Authenticate").unwrap_or_default();
        assert!(
            challenge.starts_with("Bearer ") && challenge.contains("error=\"invalid_token\""),
            "{attack}: {challenge}"
        );
        count += 1;
    }
    // What cannot be read as a credential at all.
    for text in ["", "a b", "\u{fc}", "{}"] {
        let reply = list_clients(&client, text);
        assert_eq!(reply.status, 400, "{text:?}: {reply:?}");
        count += 1;
    }
    println!("{count} forged access tokens were refused");
}

fn attacks(place: &Place, good: &Good, token: &str) -> Vec<(&'static str, String)> {
    let (none, signed) = (json!({}), |header, claims| good.signed(header, claims));
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else {
        panic!("three parts");
    };
    let other = signed(none.clone(), json!({"jti": "two"}));
    let other_signature = other.rsplit('.').next().unwrap();
    let stranger = Key::ec();
    let stranger_jwk = stranger.jwk.clone();
    let text = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let id = good.claims["sub"].as_str().unwrap();
    let twice = format!(r#"{{"aud":"elsewhere",{}"#, &good.claims.to_string()[1..]);
    let mut all = vec![
        ("alg none", unsigned_with(good, "none", "")),
        (
            "alg none with the signature",
            unsigned_with(good, "none", signature),
        ),
        ("alg None", unsigned_with(good, "None", "x")),
        (
            "HMAC with the modulus",
            by_hmac(good, good.key.jwk["n"].as_str().unwrap()),
        ),
        (
            "HMAC with the JWK",
            by_hmac(good, &good.key.jwk.to_string()),
        ),
        ("HMAC with nothing", by_hmac(good, "")),
        ("no signature", format!("{header}.{payload}.")),
        ("no third part", format!("{header}.{payload}")),
        ("four parts", format!("{token}.x")),
        (
            "another token's signature",
            format!("{header}.{payload}.{other_signature}"),
        ),
        (
            "another payload",
            format!(
                "{header}.{}.{signature}",
                text(&changed(&good.claims, json!({"jti": "three"})))
            ),
        ),
        (
            "a cut signature",
            format!("{header}.{payload}.{}", &signature[..signature.len() - 4]),
        ),
        (
            "alg of the same kind",
            signed(json!({"alg": "PS256"}), none.clone()),
        ),
        (
            "alg of another kind",
            signed(json!({"alg": "ES256"}), none.clone()),
        ),
        ("alg missing", signed(json!({"alg": null}), none.clone())),
        ("no kid", signed(json!({"kid": null}), none.clone())),
        ("unknown kid", signed(json!({"kid": "x"}), none.clone())),
        (
            "a stranger's key",
            stranger.sign(
                &changed(&good.header, json!({"alg": "ES256"})),
                &good.claims,
            ),
        ),
        ("typ JWT", signed(json!({"typ": "JWT"}), none.clone())),
        ("no typ", signed(json!({"typ": null}), none.clone())),
        (
            "another typ",
            signed(json!({"typ": "logout+jwt"}), none.clone()),
        ),
        (
            "unknown crit",
            signed(json!({"crit": ["exp"]}), none.clone()),
        ),
        ("empty crit", signed(json!({"crit": []}), none.clone())),
        (
            "jku",
            signed(json!({"jku": "https://evil.example/jwks"}), none.clone()),
        ),
        (
            "x5u",
            signed(json!({"x5u": "https://evil.example/cert"}), none.clone()),
        ),
        ("x5c", signed(json!({"x5c": ["MII"]}), none.clone())),
        (
            "jwk",
            stranger.sign(
                &json!({"alg": "ES256", "typ": "at+jwt", "jwk": stranger_jwk}),
                &good.claims,
            ),
        ),
        ("a claim twice", by_text(good, &twice)),
        (
            "too long",
            signed(none.clone(), json!({"filler": "x".repeat(9000)})),
        ),
    ];
    for (attack, claims) in [
        ("another issuer", json!({"iss": "https://evil.example"})),
        (
            "the issuer with a slash",
            json!({"iss": format!("{}/", place.issuer())}),
        ),
        ("no issuer", json!({"iss": null})),
        ("several issuers", json!({"iss": [place.issuer()]})),
        ("another audience", json!({"aud": "elsewhere"})),
        (
            "the audience in another case",
            json!({"aud": "PolicyServer.Management"}),
        ),
        ("the other audience", json!({"aud": "policyserver.runtime"})),
        ("no audience", json!({"aud": null})),
        ("audiences without ours", json!({"aud": ["a", "b"]})),
        ("no audiences", json!({"aud": []})),
        ("expired", json!({"exp": now() - 1})),
        ("no end", json!({"exp": null})),
        ("an end that is no number", json!({"exp": "9999999999"})),
        ("not good yet", json!({"nbf": now() + 300})),
        ("issued in the future", json!({"iat": now() + 300})),
        ("no subject", json!({"sub": null})),
        ("no client", json!({"client_id": null})),
        ("no jti", json!({"jti": null})),
        (
            "an unknown client",
            json!({"sub": "0".repeat(32), "client_id": "0".repeat(32)}),
        ),
        ("another subject than the client", json!({"sub": "amadmin"})),
        (
            "a user who does not exist",
            json!({"sub": "id=nobody,ou=user,dc=openam,dc=example,dc=org"}),
        ),
        (
            "a client named as a user",
            json!({"sub": format!("id={id},ou=user,dc=openam,dc=example,dc=org")}),
        ),
    ] {
        all.push((attack, signed(none.clone(), claims)));
    }
    all
}

fn unsigned_with(good: &Good, alg: &str, signature: &str) -> String {
    let header = changed(&good.header, json!({"alg": alg}));
    format!("{}.{signature}", unsigned(&header, &good.claims))
}

fn by_hmac(good: &Good, secret: &str) -> String {
    let key = Key {
        algorithm: Algorithm::HS256,
        private: EncodingKey::from_secret(secret.as_bytes()),
        jwk: Value::Null,
    };
    key.sign(
        &changed(&good.header, json!({"alg": "HS256"})),
        &good.claims,
    )
}

/// Signs claims as they are written.
fn by_text(good: &Good, claims: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(good.header.to_string());
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    let signature =
        jsonwebtoken::crypto::sign(signed.as_bytes(), &good.key.private, good.key.algorithm);
    format!("{signed}.{}", signature.unwrap())
}

/// A token of either key is good, whichever signs; each only with its own algorithm.
async fn both_kinds_of_keys_sign(backend: Backend) {
    let place = Place::with(backend, &[("token_algorithm", "ES256".into())]).await;
    let client = place.client();
    let registered = registered(&client, &anything());
    let token = registered.token(&client, "policyserver.management");
    let header = URL_SAFE_NO_PAD
        .decode(token.split('.').next().unwrap())
        .unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(
        (&header["alg"], &header["typ"]),
        (&json!("ES256"), &json!("at+jwt"))
    );
    assert_eq!(list_clients(&client, &token).status, 200);
    let good = Good::of(&place).await;
    let rsa = good.signed(json!({}), json!({}));
    assert_eq!(list_clients(&client, &rsa).status, 200);
    let jwks = client.send("GET", "/.well-known/jwks", &[], None).json();
    let keys = jwks["keys"].as_array().unwrap();
    let kinds = |kty: &str| keys.iter().filter(|key| key["kty"] == kty).count();
    assert!(kinds("RSA") >= 1 && kinds("EC") >= 1, "{jwks}");
    for key in keys {
        assert_eq!(key["use"], "sig");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "{key}");
        }
    }
}
