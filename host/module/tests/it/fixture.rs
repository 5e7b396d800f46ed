//! Bundles and requests to try the module with.

use assize_engine::model::Policy;
use assize_engine::{Bundle, compile_policy, link};
use serde_json::{Value, json};

pub(crate) const POLICY_SET: &str = "iPlanetAMWebAgentService";

/// An instant for all requests: 2026-03-18T02:13:20Z.
pub(crate) const NOW: u64 = 1_773_800_000_000;

/// A bundle with one simple policy per name, which allows GET beneath `/name` to whoever is signed on.
pub(crate) fn bundle(names: &[&str]) -> Vec<u8> {
    bundle_of(names.iter().map(|name| {
        json!({
            "name": name,
            "resources": [format!("https://www.example.com:443/{name}"), format!("https://www.example.com:443/{name}/*")],
            "actionValues": {"GET": true, "POST": false},
            "subject": {"type": "AuthenticatedUsers"},
        })
    }))
}

/// The bundle of these policies, all in [`POLICY_SET`].
pub(crate) fn bundle_of(policies: impl IntoIterator<Item = Value>) -> Vec<u8> {
    let compiled: Vec<_> = policies
        .into_iter()
        .map(|mut policy| {
            policy["applicationName"] = POLICY_SET.into();
            let parsed =
                Policy::parse(&policy).unwrap_or_else(|faults| panic!("{policy}: {faults:?}"));
            compile_policy(&parsed)
        })
        .collect();
    link("/", [POLICY_SET], &compiled)
}

pub(crate) fn digest(bundle: &[u8]) -> String {
    Bundle::load(bundle.to_vec()).unwrap().digest().to_owned()
}

/// An engine request for one resource by a signed-on subject.
pub(crate) fn request(resource: &str) -> Vec<u8> {
    engine_request(json!([resource])).to_string().into_bytes()
}

pub(crate) fn engine_request(resources: Value) -> Value {
    json!({
        "policySet": POLICY_SET,
        "resources": resources,
        "subject": subject(),
        "environment": {"requestIp": ["10.0.0.7"]},
        "now": NOW,
    })
}

/// Ann, signed on at level 2.
pub(crate) fn subject() -> Value {
    json!({
        "principals": ["id=ann,ou=user,dc=openam,dc=example,dc=org"],
        "groups": ["id=staff,ou=group,dc=openam,dc=example,dc=org"],
        "session": {
            "AuthLevel": "2",
            "AuthType": "DataStore",
            "Service": "ldapService",
            "Organization": "dc=openam,dc=example,dc=org",
            "authInstant": "2026-03-18T01:03:04Z",
            "am.protected.tier": "gold",
        },
        "clientIp": "10.0.0.7",
        "profile": {"mail": ["ann@example.com"], "cn": ["Ann Ähnlich"], "age": ["41"]},
        "claims": {"sub": "ann", "iss": "https://issuer.example.com"},
    })
}

/// A policy on one pattern for whoever is signed on, with a condition.
pub(crate) fn conditional(name: &str, condition: Value) -> Value {
    json!({
        "name": name,
        "resources": [format!("https://www.example.com:443/conditions/{name}*")],
        "actionValues": {"GET": true, "POST": false},
        "subject": {"type": "AuthenticatedUsers"},
        "condition": condition,
        "resourceAttributes": [
            {"type": "User", "propertyName": "mail"},
            {"type": "Static", "propertyName": "role", "propertyValues": ["reader", "writer"]},
        ],
    })
}
