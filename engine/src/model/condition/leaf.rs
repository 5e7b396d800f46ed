//! The members of each type of condition.

use serde_json::Value;

use super::{Condition, Idle, only};
use crate::lang::address::{Family, dns_pattern, ip_pair, ip_range_list};
use crate::lang::filter::Filter;
use crate::lang::rule::Rule;
use crate::lang::window::{Fields, Window};
use crate::model::FaultCode;
use crate::model::json::{Faults, Object, Path};
use crate::model::subject::unknown_type;

/// Longest idle time-out in minutes: AM's computation in milliseconds of 32 bits ends here.
const MAX_IDLE_MINUTES: i64 = 35_791;
/// Longest session time in minutes whose milliseconds fit 64 bits.
const MAX_SESSION_MINUTES: i64 = i64::MAX / 60_000;

const STRATEGIES: [&str; 5] = [
    "AuthenticateToServiceConditionAdvice",
    "AuthenticateToRealmConditionAdvice",
    "AuthenticateToTreeConditionAdvice",
    "AuthSchemeConditionAdvice",
    "AuthLevelConditionAdvice",
];

/// Reads a condition that is no AND, OR or NOT.
pub(super) fn read(kind: &str, object: &Object<'_, '_>, faults: &mut Faults) -> Option<Condition> {
    match kind {
        "AuthLevel" => level(object, faults).map(Condition::AuthLevel),
        "LEAuthLevel" => level(object, faults).map(Condition::LeAuthLevel),
        "AuthScheme" => auth_scheme(object, faults),
        "AuthenticateToRealm" => {
            single(object, "authenticateToRealm", faults).map(Condition::AuthenticateToRealm)
        }
        "AuthenticateToService" => {
            single(object, "authenticateToService", faults).map(Condition::AuthenticateToService)
        }
        "AMIdentityMembership" => identity_membership(object, faults),
        "Session" => session(object, faults),
        "SessionProperty" => session_property(object, faults),
        "SimpleTime" => simple_time(object, faults),
        "IPv4" => ip(Family::V4, object, faults),
        "IPv6" => ip(Family::V6, object, faults),
        "LDAPFilter" => ldap_filter(object, faults),
        "OAuth2Scope" => oauth2_scope(object, faults),
        "ResourceEnvIP" => resource_env_ip(object, faults),
        "Script" => single(object, "scriptId", faults).map(Condition::Script),
        "Transaction" => transaction(object, faults),
        "Policy" => {
            only(object, &["className", "name", "properties"], faults);
            Some(Condition::Legacy)
        }
        other => {
            unknown_type(object, other, faults);
            None
        }
    }
}

fn single(object: &Object<'_, '_>, member: &str, faults: &mut Faults) -> Option<String> {
    only(object, &[member], faults);
    object.required(member, faults).map(str::to_owned)
}

fn level(object: &Object<'_, '_>, faults: &mut Faults) -> Option<i32> {
    only(object, &["authLevel"], faults);
    if object.get("authLevel").is_none() {
        object.missing("authLevel", faults);
    }
    let level = object.integer("authLevel", faults)?;
    let fits = i32::try_from(level).ok().filter(|level| *level >= 0);
    if fits.is_none() {
        let message = format!("Invalid value {level} for property authLevel");
        object.invalid("authLevel", message, faults);
    }
    fits
}

fn auth_scheme(object: &Object<'_, '_>, faults: &mut Faults) -> Option<Condition> {
    let (minutes, application) = ("applicationIdleTimeout", "applicationName");
    only(object, &["authScheme", minutes, application], faults);
    let schemes = object.required_texts("authScheme", faults);
    let timeout = object.integer(minutes, faults);
    let name = object
        .text(application, faults)
        .filter(|name| !name.trim().is_empty());
    if timeout.is_some_and(|t| !(0..=MAX_IDLE_MINUTES).contains(&t)) {
        let message = format!("{minutes} must be 0 to {MAX_IDLE_MINUTES} minutes");
        object.invalid(minutes, message, faults);
    }
    let idle = match (timeout, name) {
        (Some(timeout), Some(name)) => Some(Idle {
            minutes: i32::try_from(timeout).ok()?,
            application: name.to_owned(),
        }),
        _ => None,
    };
    (!schemes.is_empty()).then_some(Condition::AuthScheme { schemes, idle })
}

fn identity_membership(object: &Object<'_, '_>, faults: &mut Faults) -> Option<Condition> {
    let (name, alias) = ("amIdentityName", "amIdentityNames");
    only(object, &[name, alias], faults);
    let member = if object.has(alias) && !object.has(name) {
        alias
    } else {
        name
    };
    Some(Condition::AmIdentityMembership(
        object.required_texts(member, faults),
    ))
}

fn session(object: &Object<'_, '_>, faults: &mut Faults) -> Option<Condition> {
    only(object, &["maxSessionTime", "terminateSession"], faults);
    let terminate = object
        .boolean("terminateSession", faults)
        .unwrap_or_default();
    let minutes = match object.integer("maxSessionTime", faults) {
        Some(minutes) => minutes,
        None if object.get("maxSessionTime").is_some() => return None,
        None => 0,
    };
    if !(1..=MAX_SESSION_MINUTES).contains(&minutes) {
        let message = format!("Invalid value {minutes} for property maxSessionTime");
        object.invalid("maxSessionTime", message, faults);
    }
    Some(Condition::Session { minutes, terminate })
}

fn session_property(object: &Object<'_, '_>, faults: &mut Faults) -> Option<Condition> {
    only(object, &["ignoreValueCase", "properties"], faults);
    let ignore_case = object.boolean("ignoreValueCase", faults).unwrap_or(true);
    let Some(value) = object.get("properties") else {
        object.missing("properties", faults);
        return None;
    };
    let path = Path::Member(object.path, "properties");
    let members = Object::of(value, &path, faults)?;
    let mut properties = Vec::new();
    for (name, _) in members.members() {
        if name.trim().is_empty() {
            members.invalid(name, "a property needs a name", faults);
        }
        let values = members.required_texts(name, faults);
        properties.push((name.to_owned(), values));
    }
    if properties.is_empty() {
        object.missing("properties", faults);
    }
    Some(Condition::SessionProperty {
        ignore_case,
        properties,
    })
}

fn simple_time(object: &Object<'_, '_>, faults: &mut Faults) -> Option<Condition> {
    const MEMBERS: [&str; 7] = [
        "startTime",
        "endTime",
        "startDay",
        "endDay",
        "startDate",
        "endDate",
        "enforcementTimeZone",
    ];
    only(object, &MEMBERS, faults);
    let before = faults.0.len();
    let [
        start_time,
        end_time,
        start_day,
        end_day,
        start_date,
        end_date,
        zone,
    ] = MEMBERS.map(|member| {
        if object.has(member) && object.get(member).is_none() {
            object.invalid(
                member,
                format!("Invalid value null for property {member}"),
                faults,
            );
        }
        object.text(member, faults)
    });
    if faults.0.len() > before {
        return None;
    }
    let fields = Fields {
        start_time,
        end_time,
        start_day,
        end_day,
        start_date,
        end_date,
        zone,
    };
    match Window::parse(&fields) {
        Ok((window, zone)) => Some(Condition::SimpleTime { window, zone }),
        Err(wrong) => {
            for (member, message) in wrong {
                object.invalid(member, message, faults);
            }
            None
        }
    }
}

fn ip(family: Family, object: &Object<'_, '_>, faults: &mut Faults) -> Option<Condition> {
    only(object, &["startIp", "endIp", "dnsName", "ipRange"], faults);
    let before = faults.0.len();
    let (start, end) = (object.text("startIp", faults), object.text("endIp", faults));
    let names = object.texts("dnsName", faults).unwrap_or_default();
    let entries = list(object, "ipRange", faults);
    let mut ranges = Vec::new();
    match ip_pair(family, start, end) {
        Ok(range) => ranges.extend(range),
        Err((member, message)) => object.invalid(member, message, faults),
    }
    match ip_range_list(family, &entries) {
        Ok(more) => ranges.extend(more),
        Err((index, message)) => {
            let path = Path::Member(object.path, "ipRange");
            faults.add(&Path::Item(&path, index), FaultCode::Invalid, message);
        }
    }
    let mut dns_names = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        match dns_pattern(name) {
            Ok(pattern) => dns_names.push(pattern.as_str().to_owned()),
            Err(message) => {
                let path = Path::Member(object.path, "dnsName");
                faults.add(&Path::Item(&path, index), FaultCode::Invalid, message);
            }
        }
    }
    if faults.0.len() > before {
        return None;
    }
    if ranges.is_empty() && dns_names.is_empty() {
        let message = "one of ipRange, dnsName, or startIp and endIp should be defined";
        faults.add(object.path, FaultCode::Missing, message);
        return None;
    }
    Some(Condition::Ip {
        family,
        dns_names,
        ranges,
    })
}

/// An array of texts in which the same text may stand twice: pairs of addresses.
fn list(object: &Object<'_, '_>, member: &str, faults: &mut Faults) -> Vec<String> {
    object.texts(member, faults);
    let items = object.get(member).and_then(Value::as_array);
    let texts = items.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn ldap_filter(object: &Object<'_, '_>, faults: &mut Faults) -> Option<Condition> {
    only(object, &["ldapFilter"], faults);
    let text = object.required("ldapFilter", faults)?;
    match Filter::parse(text) {
        Ok(filter) => Some(Condition::LdapFilter(filter)),
        Err(message) => {
            object.invalid("ldapFilter", message, faults);
            None
        }
    }
}

fn oauth2_scope(object: &Object<'_, '_>, faults: &mut Faults) -> Option<Condition> {
    only(object, &["requiredScopes"], faults);
    let scopes = object.required_texts("requiredScopes", faults);
    for (index, scope) in scopes.iter().enumerate() {
        let legal = |b: u8| matches!(b, b'!' | b'#'..=b'[' | b']'..=b'~');
        if !scope.bytes().all(legal) {
            let path = Path::Member(object.path, "requiredScopes");
            let message = format!(
                "Invalid OAuth2 Scope '{scope}': See RFC 6749 section 3.3 for allowed values."
            );
            faults.add(&Path::Item(&path, index), FaultCode::Invalid, message);
        }
    }
    Some(Condition::OAuth2Scope(scopes))
}

fn resource_env_ip(object: &Object<'_, '_>, faults: &mut Faults) -> Option<Condition> {
    let member = "resourceEnvIPConditionValue";
    only(object, &[member], faults);
    let texts = object.required_texts(member, faults);
    let mut rules = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match Rule::parse(text) {
            Ok(rule) => rules.push(rule),
            Err(message) => {
                let path = Path::Member(object.path, member);
                let message = format!("Invalid value {text} for property {member}: {message}");
                faults.add(&Path::Item(&path, index), FaultCode::Invalid, message);
            }
        }
    }
    Some(Condition::ResourceEnvIp(rules))
}

fn transaction(object: &Object<'_, '_>, faults: &mut Faults) -> Option<Condition> {
    only(
        object,
        &["authenticationStrategy", "strategySpecifier"],
        faults,
    );
    let strategy = object.required("authenticationStrategy", faults);
    let specifier = object.required("strategySpecifier", faults);
    let (strategy, specifier) = (strategy?, specifier?);
    if !STRATEGIES.contains(&strategy) {
        let message = format!(
            "Invalid value {strategy} for property authenticationStrategy: must be one of {}",
            STRATEGIES.join(", ")
        );
        object.invalid("authenticationStrategy", message, faults);
        return None;
    }
    Some(Condition::Transaction {
        strategy: strategy.to_owned(),
        specifier: specifier.to_owned(),
    })
}
