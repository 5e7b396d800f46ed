//! A first look at the body: is it JSON, and what does it say about the subject. Values are not built.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use axum::body::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::api::error::ApiError;
use crate::api::json_body;
use crate::limits::NAMED_IDENTITIES;

/// The environment key whose values name identities (AMIdentityMembership).
const NAMED_IDENTITY: &str = "invocatorPrincipalUuid";

/// What an environment can say instead of the session (ruling C18).
const SESSION_FACTS: [&str; 5] = [
    "requestAuthLevel",
    "requestAuthSchemes",
    "requestAuthenticatedToRealms",
    "requestAuthenticatedToServices",
    "requestSessionCreationTime",
];

/// The body without what its environment says instead of the session; `None` where it says nothing of the kind, or is
/// no body that could be evaluated. Everything else stays as it was sent, whatever it is: members are told apart as
/// [`Peek`] and the engine do it, and none is read any further.
///
/// # Errors
/// 400 for what is no JSON.
pub(crate) fn without_session_facts(body: &Bytes) -> Result<Option<Bytes>, ApiError> {
    let Some(members) = members(body)? else {
        return Ok(None);
    };
    let mut spoke = false;
    let mut kept = Vec::with_capacity(members.len());
    for (name, json) in members {
        let keys = match name == "environment" {
            true => self::members(json.get().as_bytes())?,
            false => None,
        };
        kept.push(match keys {
            None => (name, Cow::Borrowed(json.get())),
            Some(keys) => {
                let allowed =
                    |(key, _): &(String, &RawValue)| !SESSION_FACTS.contains(&key.as_str());
                let count = keys.len();
                let keys: Vec<_> = keys.into_iter().filter(allowed).collect();
                spoke |= keys.len() < count;
                let keys: Vec<_> = keys
                    .iter()
                    .map(|(key, json)| (key.clone(), json.get()))
                    .collect();
                (name, Cow::Owned(object(&keys)))
            }
        });
    }
    Ok(spoke.then(|| Bytes::from(object(&kept))))
}

/// The members of a JSON object in their order, also those that are given twice; `None` for any other value.
///
/// # Errors
/// 400 for what is no JSON.
fn members(json: &[u8]) -> Result<Option<Vec<(String, &RawValue)>>, ApiError> {
    struct Members<'a>(Vec<(String, &'a RawValue)>);
    impl<'de> Deserialize<'de> for Members<'de> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct All;
            impl<'de> Visitor<'de> for All {
                type Value = Members<'de>;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                    let mut all = Vec::new();
                    while let Some(member) = map.next_entry()? {
                        all.push(member);
                    }
                    Ok(Members(all))
                }
            }
            deserializer.deserialize_map(All)
        }
    }
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Ok(None);
    }
    let Members(all) = json_body::parse(json)?;
    Ok(Some(all))
}

/// An object of members that are JSON already.
fn object<J: AsRef<str>>(members: &[(String, J)]) -> String {
    let member =
        |(name, json): &(String, J)| format!("{}:{}", Value::from(name.as_str()), json.as_ref());
    let members: Vec<String> = members.iter().map(member).collect();
    format!("{{{}}}", members.join(","))
}

/// The parts of the body that the server itself must understand, borrowed from it.
#[derive(Default)]
pub(crate) struct Peek<'a> {
    pub(crate) subject: Option<&'a RawValue>,
    environment: Option<&'a RawValue>,
    application: Option<&'a RawValue>,
}

impl<'a> Peek<'a> {
    /// # Errors
    /// 400 for what is no JSON, or has something after it.
    pub(crate) fn read(body: &'a Bytes) -> Result<Self, ApiError> {
        if json_body::is_blank(body) {
            return Ok(Peek::default());
        }
        Ok(json_body::parse(body)?)
    }

    /// The environment; empty where it is missing or malformed, which the engine reports.
    pub(crate) fn environment(&self) -> BTreeMap<String, Vec<String>> {
        let environment: Option<Option<_>> = self
            .environment
            .and_then(|raw| serde_json::from_str(raw.get()).ok());
        environment.flatten().unwrap_or_default()
    }

    /// The policy set that is asked, as far as it is given.
    pub(crate) fn policy_set(&self) -> Option<String> {
        serde_json::from_str(self.application?.get()).ok()?
    }

    /// Identities that the environment names, each once; none where it is malformed, which the engine reports.
    ///
    /// # Errors
    /// 400 for more than [`NAMED_IDENTITIES`].
    pub(crate) fn named_identities(&self) -> Result<BTreeSet<String>, ApiError> {
        #[derive(Deserialize, Default)]
        struct Environment {
            #[serde(rename = "invocatorPrincipalUuid", default)]
            named: BTreeSet<String>,
        }
        let environment: Environment = self
            .environment
            .filter(|raw| raw.get().contains(NAMED_IDENTITY))
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or_default();
        if environment.named.len() > NAMED_IDENTITIES {
            return Err(ApiError::bad_request(format!(
                "Invalid value environment: /environment/{NAMED_IDENTITY} names more than {NAMED_IDENTITIES} identities"
            )));
        }
        Ok(environment.named)
    }
}

impl<'de> Deserialize<'de> for Peek<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look)
    }
}

/// Takes any JSON; only an object has members worth keeping. Of a member given twice the last one counts.
struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Peek<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Peek<'de>, A::Error> {
        let mut peek = Peek::default();
        while let Some(name) = map.next_key::<Name>()? {
            match name {
                Name::Subject => peek.subject = Some(map.next_value()?),
                Name::Environment => peek.environment = Some(map.next_value()?),
                Name::Application => peek.application = Some(map.next_value()?),
                Name::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(peek)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Peek<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Peek::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Peek<'de>, E> {
        Ok(Peek::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Peek<'de>, E> {
        Ok(Peek::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Peek<'de>, E> {
        Ok(Peek::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Peek<'de>, E> {
        Ok(Peek::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Peek<'de>, E> {
        Ok(Peek::default())
    }

    fn visit_unit<E>(self) -> Result<Peek<'de>, E> {
        Ok(Peek::default())
    }
}

/// The names of members, told apart without keeping them.
enum Name {
    Subject,
    Environment,
    Application,
    Other,
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Which;
        impl Visitor<'_> for Which {
            type Value = Name;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a member's name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(match name {
                    "subject" => Name::Subject,
                    "environment" => Name::Environment,
                    "application" => Name::Application,
                    _ => Name::Other,
                })
            }
        }
        deserializer.deserialize_str(Which)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn any_json_is_looked_at_and_nothing_else() {
        for text in [
            "{}",
            "[1,{\"subject\":2}]",
            "null",
            "\"x\"",
            "7",
            "7.5",
            "-7",
            "true",
            "",
            "  ",
        ] {
            assert!(
                Peek::read(&Bytes::from(text)).unwrap().subject.is_none(),
                "{text}"
            );
        }
        let body = Bytes::from(
            r#"{"subject": 1, "a": [{}], "s\u0075bject": {"ssoToken": "x"}, "subject\n": 3}"#,
        );
        assert_eq!(
            Peek::read(&body).unwrap().subject.unwrap().get(),
            r#"{"ssoToken": "x"}"#
        );
        for (text, message) in [
            ("{", "valid JSON"),
            ("x", "valid JSON"),
            ("{} x", "trailing"),
            ("{}{}", "trailing"),
        ] {
            let body = Bytes::from(text);
            let Err(error) = Peek::read(&body) else {
                unreachable!("{text} was taken")
            };
            assert!(error.to_string().contains(message), "{error}");
        }
    }

    #[test]
    fn what_speaks_for_the_session_is_cut_out_whatever_stands_beside_it() {
        for (sent, kept) in [
            (
                r#" {"x": 1e999, "environment": {"requestAuthLevel": ["9"], "requestIp": ["::1"]}}"#,
                Some(r#"{"x":1e999,"environment":{"requestIp":["::1"]}}"#),
            ),
            (
                r#"{"environment": {"request\u0041uthLevel": ["9"]}, "environment": {"a": [1e999]}, "b": "\ud800"}"#,
                Some(r#"{"environment":{},"environment":{"a":[1e999]},"b":"\ud800"}"#),
            ),
            (
                r#"{"\u0065nvironment": {"requestAuthSchemes": 1, "requestAuthSchemes": 2}}"#,
                Some(r#"{"environment":{}}"#),
            ),
            (
                r#"{"environment": {"requestIp": ["::1"]}, "x": 1e999}"#,
                None,
            ),
            (r#"{"environment": ["requestAuthLevel"]}"#, None),
            ("[]", None),
            ("", None),
        ] {
            let left = without_session_facts(&Bytes::from(sent)).unwrap();
            assert_eq!(left, kept.map(Bytes::from), "{sent}");
        }
        assert!(without_session_facts(&Bytes::from(r#"{"environment": {"\ud800": []}}"#)).is_err());
    }

    #[test]
    fn identities_are_read_from_a_sound_environment_only() {
        for (text, named) in [
            (
                r#"{"environment": {"invocatorPrincipalUuid": ["a", "b"]}}"#,
                vec!["a", "b"],
            ),
            (
                r#"{"environment": {"invocatorPrincipalUuid": ["b", "a", "b"]}}"#,
                vec!["a", "b"],
            ),
            (
                r#"{"environment": {"invocatorPrincipalUuid": "a"}}"#,
                vec![],
            ),
            (r#"{"environment": null}"#, vec![]),
        ] {
            let body = Bytes::from(text);
            let found = Peek::read(&body).unwrap().named_identities().unwrap();
            assert_eq!(found, named.into_iter().map(str::to_owned).collect());
        }
        let many: Vec<String> = (0..=NAMED_IDENTITIES).map(|n| n.to_string()).collect();
        let body = serde_json::json!({"environment": {NAMED_IDENTITY: many}});
        let body = Bytes::from(body.to_string());
        assert!(Peek::read(&body).unwrap().named_identities().is_err());
    }
}
