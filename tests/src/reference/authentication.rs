//! How the subject authenticated: AuthLevel, LEAuthLevel, AuthScheme, AuthenticateToRealm, AuthenticateToService, Session, SessionProperty
//! (conditions.md §2.2 to §2.5, §2.9, §2.10; rulings C5, C6, C7, C17, C19).

use super::facts::{Facts, data_of, pieces, property, qualified, realm_of, realms, same, strings};
use super::instant::instant;
use super::truth::{Outcome, Truth};
use serde_json::{Map, Value};

/// The highest level that is known.
pub(super) enum Level {
    /// No environment and no session.
    Unknown,
    /// One of the values is no whole number.
    Junk,
    /// Known to have none, or the highest.
    Known(Option<i32>),
}

/// The highest level, of the environment if it has any, else of the session; with a realm, of those that are of it. A level of
/// the session that names no realm is of the session's.
pub(super) fn level(facts: Facts<'_>, realm: Option<&str>) -> Level {
    let realm = realm.filter(|realm| !realm.is_empty());
    let sent: Vec<String> = facts
        .environment("requestAuthLevel")
        .unwrap_or_default()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let known = highest(&sent, realm);
    match (known, facts.session()) {
        (Level::Known(None), Some(session)) if realm.is_some() => {
            highest(&qualified(session, "AuthLevel"), realm)
        }
        (Level::Known(None), Some(session)) => highest(&pieces(session, "AuthLevel"), None),
        (Level::Known(None), None) => Level::Unknown,
        (known, _) => known,
    }
}

fn highest(texts: &[String], realm: Option<&str>) -> Level {
    let mut most = None;
    for text in texts {
        match data_of(text).parse::<i32>() {
            Ok(number) if realm.is_none() || realm_of(text) == realm => {
                most = most.max(Some(number));
            }
            Ok(_) => {}
            Err(_) => return Level::Junk,
        }
    }
    Level::Known(most)
}

pub(super) fn auth_level(condition: &Value, facts: Facts<'_>) -> Outcome {
    let wanted = whole_number(condition.get("authLevel")).unwrap_or(0);
    let at_most = condition.get("type").and_then(Value::as_str) == Some("LEAuthLevel");
    let truth = match level(facts, None) {
        Level::Unknown | Level::Junk => Truth::Undetermined,
        Level::Known(None) => Truth::False,
        Level::Known(Some(highest)) if at_most => (i64::from(highest) <= wanted).into(),
        Level::Known(Some(highest)) => (i64::from(highest) >= wanted).into(),
    };
    Outcome::new(truth).advising("AuthLevelConditionAdvice", [wanted.to_string()])
}

/// A whole number, also as text.
pub(super) fn whole_number(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Whether a scheme is among those of the environment, or of the session; undetermined without either.
pub(super) fn scheme_met(scheme: &str, facts: Facts<'_>) -> Truth {
    if let Some(sent) = facts.environment("requestAuthSchemes") {
        return sent.contains(&scheme).into();
    }
    let Some(session) = facts.session() else {
        return Truth::Undetermined;
    };
    let exact = qualified(session, "AuthType")
        .iter()
        .any(|have| have == scheme);
    let plain = pieces(session, "AuthType")
        .iter()
        .any(|have| data_of(have) == scheme);
    (exact || (!names_realm(scheme) && plain)).into()
}

/// Whether a text says which realm is meant: not with nothing before the colon.
fn names_realm(text: &str) -> bool {
    realm_of(text).is_some_and(|realm| !realm.is_empty())
}

pub(super) fn auth_scheme(condition: &Value, facts: Facts<'_>) -> Outcome {
    let schemes = condition.get("authScheme").map(strings).unwrap_or_default();
    let unmet: Vec<&str> = schemes
        .iter()
        .copied()
        .filter(|s| scheme_met(s, facts) != Truth::True)
        .collect();
    let met = Truth::all(schemes.iter().map(|s| scheme_met(s, facts)));
    let application = condition
        .get("applicationName")
        .and_then(Value::as_str)
        .filter(|a| !a.trim().is_empty());
    let timeout = whole_number(condition.get("applicationIdleTimeout"));
    let (Some(application), Some(minutes)) = (application, timeout) else {
        return Outcome::new(met).advising("AuthSchemeConditionAdvice", unmet);
    };
    let millis = minutes * 60_000;
    let property = format!("am.protected.policy.AppIdleTimesoutAt.{application}");
    let (truth, advised) = match (met, facts.session()) {
        (Truth::False, _) => (Truth::False, unmet),
        (_, None) => (Truth::Undetermined, schemes.clone()),
        (Truth::Undetermined, Some(_)) => (Truth::Undetermined, unmet),
        (Truth::True, Some(session)) => idle(&schemes, &property, millis, session, facts.now()),
    };
    let mut outcome = Outcome::new(truth)
        .advising("AuthSchemeConditionAdvice", advised)
        .advising("ForceAuth", ["true"]);
    if truth == Truth::True {
        let expiry = facts.now().saturating_add(millis);
        outcome.renewals.insert((property, expiry.to_string()));
        outcome.ttl = expiry;
    }
    outcome
}

/// Whether the application is still in use, and the schemes whose time is up. An instant that is not known is 0 (§2.3).
fn idle<'a>(
    schemes: &[&'a str],
    name: &str,
    millis: i64,
    session: &Map<String, Value>,
    now: i64,
) -> (Truth, Vec<&'a str>) {
    let noted = property(session, name).and_then(|text| text.parse::<i64>().ok());
    if noted.is_some_and(|expiry| expiry > now) {
        return (Truth::True, Vec::new());
    }
    let up = |scheme: &&str| authenticated_at(scheme, session).unwrap_or(0) + millis <= now;
    let expired: Vec<&str> = schemes.iter().copied().filter(up).collect();
    (expired.is_empty().into(), expired)
}

/// When a scheme was passed; none when the session does not say so, or not in a form that can be read.
fn authenticated_at(scheme: &str, session: &Map<String, Value>) -> Option<i64> {
    if property(session, "moduleAuthTime").is_some() {
        let entries = pieces(session, "moduleAuthTime");
        let mut times = entries.iter().filter_map(|e| e.split_once('+'));
        return times
            .find(|(module, _)| *module == scheme)
            .and_then(|(_, date)| instant(date));
    }
    let passed = pieces(session, "AuthType")
        .iter()
        .any(|have| have == scheme);
    passed
        .then(|| property(session, "authInstant"))?
        .and_then(instant)
}

pub(super) fn to_realm(condition: &Value, facts: Facts<'_>) -> Outcome {
    let wanted = condition
        .get("authenticateToRealm")
        .and_then(Value::as_str)
        .unwrap_or("");
    let truth = in_realms(facts, |have| same(have, wanted));
    Outcome::new(truth).advising("AuthenticateToRealmConditionAdvice", [wanted])
}

/// Whether a realm of the environment, or of the session, is one that is wanted.
pub(super) fn in_realms(facts: Facts<'_>, wanted: impl Fn(&str) -> bool) -> Truth {
    match (
        facts.environment("requestAuthenticatedToRealms"),
        facts.session(),
    ) {
        (Some(sent), _) => sent.into_iter().any(wanted).into(),
        (None, Some(session)) => realms(session).iter().any(|r| wanted(r)).into(),
        (None, None) => Truth::Undetermined,
    }
}

pub(super) fn to_service(condition: &Value, facts: Facts<'_>) -> Outcome {
    let wanted = condition
        .get("authenticateToService")
        .and_then(Value::as_str)
        .unwrap_or("");
    Outcome::new(in_service(facts, wanted))
        .advising("AuthenticateToServiceConditionAdvice", [wanted])
}

/// Whether a service of the environment, or of the session, is the wanted one; a value without realm means any realm.
pub(super) fn in_service(facts: Facts<'_>, wanted: &str) -> Truth {
    let have: Vec<String> = match (
        facts.environment("requestAuthenticatedToServices"),
        facts.session(),
    ) {
        (Some(sent), _) => sent.into_iter().map(str::to_owned).collect(),
        (None, Some(session)) => qualified(session, "Service"),
        (None, None) => return Truth::Undetermined,
    };
    have.iter()
        .any(|h| h == wanted || (!names_realm(wanted) && data_of(h) == wanted))
        .into()
}

pub(super) fn session_time(condition: &Value, facts: Facts<'_>) -> Outcome {
    let millis = whole_number(condition.get("maxSessionTime"))
        .unwrap_or(0)
        .saturating_mul(60_000);
    let terminates = condition.get("terminateSession") == Some(&Value::Bool(true));
    let sent = facts
        .environment("requestSessionCreationTime")
        .filter(|v| !v.is_empty());
    let began: Vec<Result<i64, Truth>> = match (facts.session(), sent) {
        (_, Some(values)) => values
            .iter()
            .map(|v| v.parse::<i64>().map_err(|_| Truth::Undetermined))
            .collect(),
        (Some(session), None) => vec![match property(session, "authInstant") {
            Some(text) => instant(text).ok_or(Truth::Undetermined),
            None => Err(Truth::False),
        }],
        (None, None) => vec![Err(Truth::Undetermined)],
    };
    let one = |start: Result<i64, Truth>| {
        let expiry = start.map(|s| s.saturating_add(millis));
        let truth = expiry.map_or_else(|unknown| unknown, |e| (facts.now() < e).into());
        let mut outcome = Outcome::new(truth).advising("SessionConditionAdvice", ["deny"]);
        if terminates {
            outcome = outcome.advising("SessionConditionAdvice", ["terminateSession"]);
            outcome.terminates = truth == Truth::False && facts.session().is_some();
        }
        if truth == Truth::True {
            outcome.until(expiry.unwrap_or(i64::MAX))
        } else {
            outcome
        }
    };
    let outcomes: Vec<Outcome> = began.into_iter().map(one).collect();
    Outcome::agreed(&outcomes)
}

pub(super) fn session_property(condition: &Value, facts: Facts<'_>) -> Outcome {
    let Some(session) = facts.session() else {
        return Outcome::new(Truth::Undetermined);
    };
    let ignore_case = condition.get("ignoreValueCase") != Some(&Value::Bool(false));
    let equal = |a: &str, b: &str| if ignore_case { same(a, b) } else { a == b };
    let wanted = condition
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let all = wanted.into_iter().all(|(name, values)| {
        let Some(text) = property(session, name) else {
            return false;
        };
        let have: Vec<&str> = if text.contains('|') {
            text.split('|').map(str::trim).collect()
        } else {
            vec![text]
        };
        strings(values)
            .iter()
            .any(|v| have.iter().any(|h| equal(h, v)))
    });
    Outcome::new(all.into())
}
