//! How decisions of a realm are made, as far as that can be set: kept in the realm's document, and shown over REST.

use assize_engine::{Fault, FaultCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Members, given};
use crate::limits::REALM_ISSUERS;
use crate::oauth::published::Loopback;
use crate::oauth::subject_token::TrustedIssuer;

/// The settings of a realm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RealmSettings {
    /// Whether the environment of a request may say otherwise than the session about its level, modules, services,
    /// realms and beginning. AM's contract is that it may (ruling C18).
    pub(crate) environment_overrides_session: bool,
    /// Whether a subject without a session must be a JWT of one of the issuers. AM believes whatever it is given
    /// (ruling C26).
    pub(crate) jwt_verification_required: bool,
    pub(crate) jwt_issuers: Vec<TrustedIssuer>,
}

impl Default for RealmSettings {
    fn default() -> Self {
        RealmSettings {
            environment_overrides_session: true,
            jwt_verification_required: false,
            jwt_issuers: Vec::new(),
        }
    }
}

impl RealmSettings {
    /// Reads settings; what is left out is as if nothing had been set.
    ///
    /// # Errors
    /// Every fault with the path of its member.
    pub(crate) fn parse(json: &Members, loopback: Loopback) -> Result<RealmSettings, Vec<Fault>> {
        const KNOWN: [&str; 6] = [
            "environmentOverridesSession",
            "jwtVerificationRequired",
            "jwtIssuers",
            "_id",
            "_rev",
            "_type",
        ];
        let mut faults = Vec::new();
        for name in json.keys().filter(|name| !KNOWN.contains(&name.as_str())) {
            faults.push(fault(&format!("/{name}"), "is no setting of a realm"));
        }
        let default = RealmSettings::default();
        let flag = |name: &str, usual: bool, faults: &mut Vec<Fault>| match given(json, name) {
            None => usual,
            Some(Value::Bool(value)) => *value,
            Some(_) => {
                faults.push(fault(&format!("/{name}"), "must be true or false"));
                usual
            }
        };
        let overrides = flag(KNOWN[0], default.environment_overrides_session, &mut faults);
        let required = flag(KNOWN[1], default.jwt_verification_required, &mut faults);
        let mut issuers = Vec::new();
        match given(json, "jwtIssuers") {
            None => {}
            Some(Value::Array(list)) if list.len() <= REALM_ISSUERS => {
                for (n, item) in list.iter().enumerate() {
                    match issuer(item, loopback) {
                        Ok(issuer) => issuers.push(issuer),
                        Err((member, what)) => {
                            faults.push(fault(&format!("/jwtIssuers/{n}{member}"), &what));
                        }
                    }
                }
            }
            Some(_) => faults.push(fault(
                "/jwtIssuers",
                &format!("must be an array of at most {REALM_ISSUERS} issuers"),
            )),
        }
        if faults.is_empty() {
            Ok(RealmSettings {
                environment_overrides_session: overrides,
                jwt_verification_required: required,
                jwt_issuers: issuers,
            })
        } else {
            Err(faults)
        }
    }

    pub(crate) fn shown(&self) -> Members {
        // Booleans, texts and JSON always serialise.
        let mut shown = match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members,
            _ => Members::new(),
        };
        let kind = json!({"_id": "policyconfiguration", "name": "Policy Configuration", "collection": false});
        shown.insert("_type".into(), kind);
        shown
    }
}

/// # Errors
/// The member at fault, as the end of a path, and what is wrong with it.
fn issuer(json: &Value, loopback: Loopback) -> Result<TrustedIssuer, (String, String)> {
    let members = json
        .as_object()
        .ok_or_else(|| (String::new(), "must be an object".to_owned()))?;
    for name in members.keys() {
        if !["issuer", "audience", "jwks", "jwksUri"].contains(&name.as_str()) {
            return Err((format!("/{name}"), "is no member of an issuer".into()));
        }
    }
    let text = |name: &str| match given(members, name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) => Err((
            format!("/{name}"),
            "must be a string that is not empty".to_owned(),
        )),
    };
    let audience = match given(members, "audience") {
        None => Vec::new(),
        Some(list) => serde_json::from_value(list.clone()).map_err(|_| {
            (
                "/audience".to_owned(),
                "must be an array of strings".to_owned(),
            )
        })?,
    };
    let issuer = TrustedIssuer {
        issuer: text("issuer")?.ok_or_else(|| {
            (
                "/issuer".to_owned(),
                "must be a string that is not empty".to_owned(),
            )
        })?,
        audience,
        jwks: given(members, "jwks").cloned(),
        jwks_uri: text("jwksUri")?,
    };
    issuer
        .check(loopback)
        .map_err(|(member, what)| (format!("/{member}"), what))?;
    Ok(issuer)
}

fn fault(path: &str, what: &str) -> Fault {
    Fault {
        code: FaultCode::Invalid,
        path: path.to_owned(),
        message: format!("Invalid value: {path} {what}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn parse(json: Value) -> Result<RealmSettings, Vec<Fault>> {
        RealmSettings::parse(json.as_object().unwrap(), Loopback::Refused)
    }

    #[test]
    fn what_is_left_out_is_as_am_has_it() {
        assert_eq!(parse(json!({})).unwrap(), RealmSettings::default());
        let kept = parse(json!({
            "_id": "", "_type": {}, "environmentOverridesSession": false, "jwtVerificationRequired": true,
            "jwtIssuers": [{"issuer": "https://i.example", "audience": ["a"]}, {"issuer": "x", "jwksUri": "https://i.example/k"}],
        }))
        .unwrap();
        assert!(!kept.environment_overrides_session && kept.jwt_verification_required);
        assert_eq!(
            parse(kept.shown().into_iter().collect::<Members>().into()).unwrap(),
            kept
        );
        let empty: RealmSettings = serde_json::from_str("{}").unwrap();
        assert_eq!(empty, RealmSettings::default());
    }

    #[test]
    fn faults_have_their_place() {
        let many = vec![json!({"issuer": "https://i.example"}); REALM_ISSUERS + 1];
        for (json, path) in [
            (json!({"x": 1}), "/x"),
            (
                json!({"environmentOverridesSession": "no"}),
                "/environmentOverridesSession",
            ),
            (json!({"jwtIssuers": {}}), "/jwtIssuers"),
            (json!({"jwtIssuers": many}), "/jwtIssuers"),
            (json!({"jwtIssuers": [1]}), "/jwtIssuers/0"),
            (json!({"jwtIssuers": [{}]}), "/jwtIssuers/0/issuer"),
            (
                json!({"jwtIssuers": [{"issuer": "http://i.example"}]}),
                "/jwtIssuers/0/issuer",
            ),
            (
                json!({"jwtIssuers": [{"issuer": "i", "jwksUri": "ftp://x"}]}),
                "/jwtIssuers/0/jwksUri",
            ),
            (
                json!({"jwtIssuers": [{"issuer": "i", "jwksUri": "http://127.0.0.1:1/k"}]}),
                "/jwtIssuers/0/jwksUri",
            ),
            (
                json!({"jwtIssuers": [{"issuer": "i", "jwks": {"keys": []}}]}),
                "/jwtIssuers/0/jwks",
            ),
            (
                json!({"jwtIssuers": [{"issuer": "i", "audience": "a", "jwks": {}}]}),
                "/jwtIssuers/0/audience",
            ),
            (
                json!({"jwtIssuers": [{"issuer": "i", "secret": "a"}]}),
                "/jwtIssuers/0/secret",
            ),
        ] {
            assert_eq!(parse(json.clone()).unwrap_err()[0].path, path, "{json}");
        }
    }
}
