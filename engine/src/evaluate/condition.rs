//! What each kind of leaf asks, and the leaves that need no more than a line.

use std::iter;

use super::level::words_of;
use super::network::{self, skip_ranges};
use super::truth::NEVER;
use super::{Evaluation, Truth, filter};
use crate::bundle::layout::Payload;
use crate::bundle::node::Kind;
use crate::explain::Code;
use crate::lang::window::Window;

impl<'x> Evaluation<'x> {
    /// The truth of a leaf, and when it may change by itself. Advices are pushed on the way.
    pub(super) fn leaf_truth(&mut self, kind: Kind, payload: &mut Payload<'x>) -> (Truth, i64) {
        let truth = match kind {
            Kind::Always => Truth::True,
            Kind::And | Kind::Or | Kind::Not => Truth::Undetermined,
            Kind::Never => self.note(Truth::False, Code::Never, || "nobody".into(), iter::empty()),
            Kind::Legacy => self.note(
                Truth::Undetermined,
                Code::LegacyPlugIn,
                || "a Java plug-in".into(),
                iter::empty(),
            ),
            Kind::AuthenticatedUsers => self.authenticated_users(),
            Kind::Identity => self.identity(payload),
            Kind::JwtClaim => self.jwt_claim(payload),
            Kind::AuthLevel | Kind::LeAuthLevel => self.auth_level(kind, payload),
            Kind::AuthScheme => return self.auth_scheme(payload),
            Kind::AuthenticateToRealm => self.authenticate_to_realm(payload),
            Kind::AuthenticateToService => self.authenticate_to_service(payload),
            Kind::AmIdentityMembership => self.am_identity_membership(payload),
            Kind::Session => return self.session_age(payload),
            Kind::SessionProperty => self.session_property(payload),
            Kind::SimpleTime => return self.simple_time(payload),
            Kind::Ipv4 | Kind::Ipv6 => self.ip_address(payload),
            Kind::LdapFilter => self.ldap_filter(payload),
            Kind::OAuth2Scope => self.oauth2_scope(payload),
            Kind::ResourceEnvIp => self.resource_env_ip(payload),
            Kind::Script | Kind::Transaction => return self.outside(kind, payload),
        };
        (truth, NEVER)
    }

    /// OAuth2Scope: every required scope is among those of `scope`, one text of scopes separated
    /// by blanks (RFC 6749 §3.3; conditions.md §2.12 for what is malformed).
    fn oauth2_scope(&mut self, payload: &mut Payload<'x>) -> Truth {
        let required = payload.texts();
        let given = self.request.environment("scope").unwrap_or_default();
        let letters: usize = given.iter().map(|scope| words_of(scope)).sum();
        if !self.afford(letters, 2 + required.clone().count()) {
            return Truth::Undetermined;
        }
        let truth = Truth::agreed(given.iter().map(|scope| {
            let well_formed = !scope.is_empty()
                && !scope.starts_with(is_blank)
                && scope
                    .split(is_blank)
                    .all(|token| token.bytes().all(is_scope_byte));
            let granted = |wanted: &str| scope.split(is_blank).any(|token| token == wanted);
            Truth::of(well_formed && required.clone().all(granted))
        }))
        .unwrap_or(Truth::False);
        self.note(
            truth,
            Code::ScopeMissing,
            || required.collect::<Vec<_>>().join(" "),
            given.iter().map(|s| &**s),
        )
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r')
}

fn is_scope_byte(b: u8) -> bool {
    matches!(b, b'!' | b'#'..=b'[' | b']'..=b'~')
}

/// Reads over a leaf's payload as its evaluation would; `payload.damaged` tells what came of it.
pub(super) fn check_leaf(kind: Kind, payload: &mut Payload<'_>) {
    match kind {
        Kind::Always | Kind::And | Kind::Or | Kind::Not => {}
        Kind::Never | Kind::Legacy | Kind::AuthenticatedUsers => {}
        Kind::Identity => {
            payload.word();
            payload.ids();
        }
        Kind::JwtClaim | Kind::Transaction => {
            payload.text();
            payload.text();
        }
        Kind::AuthLevel | Kind::LeAuthLevel => {
            payload.word();
            payload.text();
        }
        Kind::AuthScheme => {
            payload.word();
            payload.text();
            payload.ids();
        }
        Kind::AuthenticateToRealm | Kind::AuthenticateToService | Kind::Script => {
            payload.text();
        }
        Kind::AmIdentityMembership | Kind::OAuth2Scope => {
            payload.ids();
        }
        Kind::Session => {
            payload.long();
            payload.word();
        }
        Kind::SessionProperty => {
            payload.word();
            for _ in 0..payload.count() {
                payload.text();
                payload.ids();
            }
        }
        Kind::SimpleTime => {
            let window = Window::from_words(std::array::from_fn(|_| payload.signed()));
            payload.damaged |= window.is_none();
            match payload.word() {
                0 => {}
                1 => {
                    payload.word();
                }
                2 => {
                    payload.text();
                }
                _ => payload.damaged = true,
            }
        }
        Kind::Ipv4 | Kind::Ipv6 => {
            payload.ids();
            skip_ranges(payload);
        }
        Kind::LdapFilter => filter::check(payload),
        Kind::ResourceEnvIp => network::check_rules(payload),
    }
}
