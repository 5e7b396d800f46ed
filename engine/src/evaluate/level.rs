//! AuthLevel, LEAuthLevel, AuthScheme, AuthenticateToRealm, AuthenticateToService: how and where
//! the subject authenticated. What the environment says comes before what the session says
//! (ruling C18); with neither, the condition is undetermined and advises as if it had failed.

use std::iter;

use super::truth::NEVER;
use super::{Effect, Evaluation, Truth};
use crate::bundle::layout::Payload;
use crate::bundle::node::Kind;
use crate::explain::Code;
use crate::lang::instant;
use crate::resource::fold::same;

const ONE_MINUTE_MS: i64 = 60_000;

/// Where a condition's facts come from: an environment key, and properties of the session.
pub(super) type Sources = (&'static str, &'static [&'static str]);

pub(super) const AUTH_LEVEL: Sources = ("requestAuthLevel", &["AuthLevel"]);
pub(super) const AUTH_SCHEME: Sources = ("requestAuthSchemes", &["AuthType"]);
pub(super) const AUTH_SERVICE: Sources = ("requestAuthenticatedToServices", &["Service"]);
pub(super) const AUTH_REALM: Sources = (
    "requestAuthenticatedToRealms",
    &["AuthType", "AuthLevel", "Service"],
);

impl<'x> Evaluation<'x> {
    pub(super) fn auth_level(&mut self, kind: Kind, payload: &mut Payload<'x>) -> Truth {
        let (level, text) = (payload.signed(), payload.text());
        if !self.afford(1, self.facts_of(AUTH_LEVEL)) {
            return Truth::Undetermined;
        }
        let known = self.highest_level(None);
        let truth = match known {
            Known::Unknown | Known::Malformed => Truth::Undetermined,
            Known::Missing => Truth::False,
            Known::Level(known) if kind == Kind::AuthLevel => Truth::of(known >= level),
            Known::Level(known) => Truth::of(known <= level),
        };
        if truth != Truth::True {
            self.advise("AuthLevelConditionAdvice", text);
        }
        let sign = if kind == Kind::AuthLevel {
            "at least "
        } else {
            "at most "
        };
        let seen = match known {
            Known::Level(level) => Some(level.to_string()),
            _ => None,
        };
        let code = match known {
            Known::Unknown => Code::NoSession,
            Known::Malformed => Code::Malformed,
            _ => Code::WrongLevel,
        };
        self.note(
            truth,
            code,
            || format!("{sign}{text}"),
            seen.as_deref().into_iter(),
        )
    }

    /// The highest authentication level that is known. With `realm`, of those earned there: of the
    /// environment's that name it, else of the session's, which are of its own realm where they
    /// name none.
    pub(super) fn highest_level(&self, realm: Option<&str>) -> Known {
        let realm = realm.filter(|realm| !realm.is_empty());
        let highest = |texts: &mut dyn Iterator<Item = &str>, unnamed: Option<&str>| -> Known {
            let mut known = Known::Missing;
            for text in texts {
                let Ok(level) = data_of(text).parse::<i32>() else {
                    return Known::Malformed;
                };
                if realm.is_some() && realm_of(text).or(unnamed) != realm {
                    continue;
                }
                known = match known {
                    Known::Level(other) => Known::Level(level.max(other)),
                    _ => Known::Level(level),
                };
            }
            known
        };
        let sent = self
            .request
            .environment("requestAuthLevel")
            .unwrap_or_default();
        let known = highest(&mut sent.iter().map(|text| &**text), None);
        if known != Known::Missing {
            return known;
        }
        if self.request.subject.session.is_none() {
            return Known::Unknown;
        }
        let own = realm.and_then(|_| self.session_realm());
        let levels = self.request.session("AuthLevel").unwrap_or_default();
        highest(&mut parts(levels), own.as_deref())
    }

    /// AuthScheme: every listed scheme, and within the idle time where one is set (§2.3). The idle
    /// check renews the application's expiry, which is an effect for the caller.
    pub(super) fn auth_scheme(&mut self, payload: &mut Payload<'x>) -> (Truth, i64) {
        let (idle_minutes, property) = (payload.signed(), payload.text());
        let schemes = payload.texts();
        let times = self.request.session("moduleAuthTime").map_or(0, words_of);
        if !self.afford(
            schemes.clone().count(),
            3 * self.facts_of(AUTH_SCHEME) + times,
        ) {
            return (Truth::Undetermined, NEVER);
        }
        let mut truth = Truth::True;
        for scheme in schemes.clone() {
            let met = self.scheme_met(scheme);
            if met != Truth::True {
                self.advise("AuthSchemeConditionAdvice", scheme);
                truth = if met == Truth::False {
                    met
                } else {
                    truth.min_known(met)
                };
            }
        }
        let wanted = || schemes.clone().collect::<Vec<_>>().join(" and ");
        let seen = self.request.session("AuthType");
        let code = if truth == Truth::Undetermined {
            Code::NoSession
        } else {
            Code::SchemeMissing
        };
        if idle_minutes < 0 {
            return (self.note(truth, code, wanted, seen.into_iter()), NEVER);
        }
        let idle = i64::from(idle_minutes) * ONE_MINUTE_MS;
        if truth == Truth::True {
            if self.request.subject.session.is_none() {
                for scheme in schemes.clone() {
                    self.advise("AuthSchemeConditionAdvice", scheme);
                }
                self.advise("ForceAuth", "true");
                let none = iter::empty();
                return (
                    self.note(Truth::Undetermined, Code::NoSession, wanted, none),
                    NEVER,
                );
            }
            if !self.is_idle(property, idle, schemes.clone()) {
                let expiry = self.request.now.saturating_add(idle);
                self.renewals.push(Effect::SetSessionProperty {
                    name: property,
                    value: expiry.to_string(),
                });
                return (Truth::True, expiry);
            }
            truth = Truth::False;
        }
        self.advise("ForceAuth", "true");
        let code = if code == Code::SchemeMissing && self.schemes_all_met(schemes.clone()) {
            Code::IdleExpired
        } else {
            code
        };
        (self.note(truth, code, wanted, seen.into_iter()), NEVER)
    }

    /// Whether the application's idle time has run out; advises each scheme that has expired.
    fn is_idle(
        &mut self,
        property: &str,
        idle: i64,
        schemes: impl Iterator<Item = &'x str>,
    ) -> bool {
        let request = self.request;
        let stored = request
            .session(property)
            .and_then(|text| text.parse::<i64>().ok());
        if stored.is_some_and(|expiry| expiry > request.now) {
            return false;
        }
        let mut expired = false;
        for scheme in schemes {
            let since = self.authenticated_at(scheme).unwrap_or_default();
            if since.saturating_add(idle) <= request.now {
                self.advise("AuthSchemeConditionAdvice", scheme);
                expired = true;
            }
        }
        expired
    }

    /// When the subject authenticated by a module, in epoch ms (§2.3: names are taken literally).
    fn authenticated_at(&self, module: &str) -> Option<i64> {
        if let Some(times) = self.request.session("moduleAuthTime") {
            let mut entries = parts(times).filter_map(|entry| entry.split_once('+'));
            return entries
                .find(|(name, _)| *name == module)
                .and_then(|(_, at)| instant::parse(at));
        }
        let modules = self.request.session("AuthType")?;
        parts(modules).find(|name| *name == module)?;
        instant::parse(self.request.session("authInstant")?)
    }

    fn schemes_all_met(&self, mut schemes: impl Iterator<Item = &'x str>) -> bool {
        schemes.all(|scheme| self.scheme_met(scheme) == Truth::True)
    }

    /// Whether the subject authenticated by a module. A value of the environment must be equal; a
    /// session's module also counts without its realm.
    pub(super) fn scheme_met(&self, scheme: &str) -> Truth {
        if let Some(sent) = self.request.environment("requestAuthSchemes") {
            return Truth::of(sent.iter().any(|have| have == scheme));
        }
        if self.request.subject.session.is_none() {
            return Truth::Undetermined;
        }
        let have = self.request.session("AuthType").unwrap_or_default();
        let qualified = parts(have).any(|have| self.qualified_is(have, scheme));
        let plain = realm_of(scheme).is_none_or(str::is_empty)
            && parts(have).any(|have| data_of(have) == scheme);
        Truth::of(qualified || plain)
    }

    /// AuthenticateToRealm: case does not matter (§2.4).
    pub(super) fn authenticate_to_realm(&mut self, payload: &mut Payload<'x>) -> Truth {
        let realm = payload.text();
        if !self.afford(1, self.facts_of(AUTH_REALM)) {
            return Truth::Undetermined;
        }
        let truth = self.realm_met(|have| same(have, realm));
        if truth != Truth::True {
            self.advise("AuthenticateToRealmConditionAdvice", realm);
        }
        let seen = self.request.session("Organization");
        let code = if truth == Truth::Undetermined {
            Code::NoSession
        } else {
            Code::WrongRealm
        };
        self.note(truth, code, || realm.to_owned(), seen.into_iter())
    }

    /// Whether one of the realms that the subject authenticated to is the one that is asked for.
    pub(super) fn realm_met(&self, is_it: impl Fn(&str) -> bool) -> Truth {
        if let Some(sent) = self.request.environment("requestAuthenticatedToRealms") {
            return Truth::of(sent.iter().any(|have| is_it(have)));
        }
        if self.request.subject.session.is_none() {
            return Truth::Undetermined;
        }
        let own = self.session_realm();
        let named = ["AuthType", "AuthLevel", "Service"]
            .into_iter()
            .filter_map(|property| self.request.session(property))
            .flat_map(parts)
            .filter_map(realm_of)
            .any(&is_it);
        Truth::of(named || own.is_some_and(|own| is_it(&own)))
    }

    /// AuthenticateToService: a value without a realm is met in any realm (§2.5, ruling C6).
    pub(super) fn authenticate_to_service(&mut self, payload: &mut Payload<'x>) -> Truth {
        let service = payload.text();
        if !self.afford(1, self.facts_of(AUTH_SERVICE)) {
            return Truth::Undetermined;
        }
        let truth = self.service_met(service);
        if truth != Truth::True {
            self.advise("AuthenticateToServiceConditionAdvice", service);
        }
        let seen = self.request.session("Service");
        let code = if truth == Truth::Undetermined {
            Code::NoSession
        } else {
            Code::WrongService
        };
        self.note(truth, code, || service.to_owned(), seen.into_iter())
    }

    pub(super) fn service_met(&self, service: &str) -> Truth {
        let anywhere = realm_of(service).is_none_or(str::is_empty);
        let is = |have: &str| have == service || (anywhere && data_of(have) == service);
        if let Some(sent) = self.request.environment("requestAuthenticatedToServices") {
            return Truth::of(sent.iter().any(|have| is(have)));
        }
        if self.request.subject.session.is_none() {
            return Truth::Undetermined;
        }
        let have = self.request.session("Service").unwrap_or_default();
        Truth::of(parts(have).any(|have| is(have) || self.qualified_is(have, service)))
    }

    /// How many values of the environment and of the session a condition looks through.
    pub(super) fn facts_of(&self, (key, properties): Sources) -> usize {
        let sent = self.request.environment(key).map_or(0, <[_]>::len);
        let held = properties.iter().filter_map(|p| self.request.session(p));
        sent + held.map(words_of).sum::<usize>()
    }

    /// Whether a session's value, with the session's realm where it names none, equals a text.
    fn qualified_is(&self, have: &str, text: &str) -> bool {
        if have.contains(':') {
            return have == text;
        }
        text.strip_suffix(have)
            .and_then(|rest| rest.strip_suffix(':'))
            .is_some_and(|realm| self.session_realm().is_some_and(|own| own == realm))
    }

    /// The session's realm in path form; a session that does not name it is known to be in none.
    fn session_realm(&self) -> Option<String> {
        self.request.session("Organization").map(realm_name)
    }
}

/// What is known of the subject's authentication level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// No session and nothing in the environment.
    Unknown,
    /// A value that is no whole number.
    Malformed,
    /// A session without a level.
    Missing,
    Level(i32),
}

impl Truth {
    /// Undetermined unless it is false already.
    fn min_known(self, other: Self) -> Self {
        if self == Self::False { self } else { other }
    }
}

/// A text's length in words of eight bytes: what looking through it costs beside comparisons of short texts.
pub(super) fn words_of(text: &str) -> usize {
    text.len() / 8 + 1
}

/// The values of a session property that holds several.
pub(super) fn parts(property: &str) -> impl Iterator<Item = &str> {
    property
        .split('|')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

/// The text before the first colon: `/sub` of `/sub:LDAP`.
pub(super) fn realm_of(text: &str) -> Option<&str> {
    text.split_once(':').map(|(realm, _)| realm.trim())
}

/// The text after the first colon, or all of it.
pub(super) fn data_of(text: &str) -> &str {
    text.split_once(':').map_or(text, |(_, data)| data.trim())
}

/// The path form of a realm's DN: `o=b,ou=services,o=a,ou=services,dc=…` is `/a/b`. Whatever is before the base DN comes in such
/// pairs; an `o` without its `ou=services` is of the base DN.
pub(super) fn realm_name(organization: &str) -> String {
    let mut names = Vec::new();
    let mut rdns = organization.split(',');
    while let (Some(name), Some(services)) = (
        rdns.next().and_then(|rdn| strip_key(rdn, "o")),
        rdns.next().and_then(|rdn| strip_key(rdn, "ou")),
    ) {
        if !services.eq_ignore_ascii_case("services") {
            break;
        }
        names.push(name);
    }
    if names.is_empty() {
        return "/".to_owned();
    }
    names
        .iter()
        .rev()
        .fold(String::new(), |path, name| path + "/" + name)
}

/// The value of an RDN whose key is this one, blanks around both left out (RFC 4514 §2.4 allows none, directories write them).
pub(super) fn strip_key<'a>(rdn: &'a str, key: &str) -> Option<&'a str> {
    let (name, value) = rdn.split_once('=')?;
    name.trim()
        .eq_ignore_ascii_case(key)
        .then_some(value.trim())
}
