//! What the request says: environment, session, profile (conditions.md §1.5 and §1.6, contract §3).

use super::fold::fold;
use serde_json::{Map, Value};

/// One request's facts, read straight from its JSON.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) request: &'a Value,
}

impl<'a> Facts<'a> {
    /// The instant of the decision, epoch milliseconds.
    pub(super) fn now(self) -> i64 {
        self.request.get("now").and_then(Value::as_i64).unwrap_or(0)
    }

    /// The server's zone.
    pub(super) fn zone(self) -> &'a str {
        self.request
            .get("timeZone")
            .and_then(Value::as_str)
            .unwrap_or("UTC")
    }

    /// The values of an environment key; none if it was not sent.
    pub(super) fn environment(self, key: &str) -> Option<Vec<&'a str>> {
        self.request.get("environment")?.get(key).map(strings)
    }

    pub(super) fn subject(self, member: &str) -> Option<&'a Value> {
        self.request
            .get("subject")?
            .get(member)
            .filter(|v| !v.is_null())
    }

    pub(super) fn session(self) -> Option<&'a Map<String, Value>> {
        self.subject("session")?.as_object()
    }

    pub(super) fn client_ip(self) -> Option<&'a str> {
        self.subject("clientIp")?.as_str()
    }

    pub(super) fn principals(self) -> Vec<&'a str> {
        self.subject("principals").map(strings).unwrap_or_default()
    }

    /// The groups of the subject; none when unknown.
    pub(super) fn groups(self) -> Option<Vec<&'a str>> {
        self.subject("groups").map(strings)
    }

    /// The groups of another identity; none when unknown.
    pub(super) fn groups_of(self, identity: &str) -> Option<Vec<&'a str>> {
        let listed = self.subject("memberships").and_then(Value::as_object);
        let entry = listed.and_then(|m| m.iter().find(|(id, _)| same(id, identity)));
        match entry {
            Some((_, groups)) => Some(strings(groups)),
            None if self.principals().iter().any(|p| same(p, identity)) => self.groups(),
            None => None,
        }
    }

    /// The values of a profile attribute, its name taken without regard to case; none when the profile is unknown.
    pub(super) fn profile(self, attribute: &str) -> Option<Vec<&'a str>> {
        let profile = self.subject("profile")?.as_object()?;
        Some(
            profile
                .iter()
                .filter(|(name, _)| name.eq_ignore_ascii_case(attribute))
                .flat_map(|(_, values)| strings(values))
                .collect(),
        )
    }

    /// Every JWT principal's claims.
    pub(super) fn claims(self) -> Vec<&'a Map<String, Value>> {
        match self.subject("claims") {
            Some(Value::Object(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_object).collect(),
            _ => Vec::new(),
        }
    }
}

/// Equal without regard to case.
pub(super) fn same(a: &str, b: &str) -> bool {
    fold(a) == fold(b)
}

/// An array of strings.
pub(super) fn strings(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .map(|a| a.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

/// A property of a session; none when the session lacks it.
pub(super) fn property<'a>(session: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    session.get(name)?.as_str()
}

/// The pieces of a property with `|` between them; none at all when the session lacks it.
pub(super) fn pieces(session: &Map<String, Value>, name: &str) -> Vec<String> {
    let text = property(session, name).unwrap_or("");
    text.split('|')
        .map(|p| p.trim().to_owned())
        .filter(|p| !p.is_empty())
        .collect()
}

/// The realm before the first `:`.
pub(super) fn realm_of(text: &str) -> Option<&str> {
    text.split_once(':').map(|(realm, _)| realm.trim())
}

/// What follows the first `:`, or the whole text.
pub(super) fn data_of(text: &str) -> &str {
    text.split_once(':').map_or(text, |(_, data)| data.trim())
}

/// `/` for the base DN, `/a/b` for `o=b,ou=services,o=a,ou=services,…`.
pub(super) fn realm_name(dn: &str) -> String {
    let mut names = Vec::new();
    let rdns = rdns(dn);
    for pair in rdns.chunks(2) {
        match pair {
            [(key, name), (ou, services)]
                if key == "o" && ou == "ou" && same(services, "services") =>
            {
                names.push((*name).to_owned());
            }
            _ => break,
        }
    }
    names.reverse();
    format!("/{}", names.join("/"))
}

/// Keys, in lower case, and values of a DN's parts, blanks around both left out; a part without `=` has no key.
pub(super) fn rdns(dn: &str) -> Vec<(String, &str)> {
    dn.split(',')
        .map(|rdn| {
            let (key, value) = rdn.split_once('=').unwrap_or(("", rdn));
            (key.trim().to_ascii_lowercase(), value.trim())
        })
        .collect()
}

/// The name of the session's realm; none without the property.
fn session_realm(session: &Map<String, Value>) -> Option<String> {
    property(session, "Organization").map(realm_name)
}

/// The pieces of a property, each with the session's realm before it unless it names one, or the session is in none.
pub(super) fn qualified(session: &Map<String, Value>, name: &str) -> Vec<String> {
    let realm = session_realm(session);
    let with_realm = |p: String| match &realm {
        Some(realm) if !p.contains(':') => format!("{realm}:{p}"),
        _ => p,
    };
    pieces(session, name).into_iter().map(with_realm).collect()
}

/// The realms that a session is authenticated to.
pub(super) fn realms(session: &Map<String, Value>) -> Vec<String> {
    let mut out: Vec<String> = session_realm(session).into_iter().collect();
    for name in ["AuthType", "AuthLevel", "Service"] {
        out.extend(
            pieces(session, name)
                .iter()
                .filter_map(|p| realm_of(p).map(str::to_owned)),
        );
    }
    out
}
