use std::collections::BTreeSet;

use super::Bundle;
use super::layout::{POLICY_WORDS, Payload};
use super::node::Kind;
use crate::evaluate::{FROM_PROFILE, collect_profile_attributes};

/// What the policies of a bundle can ask about a request, so that a caller fetches only that.
///
/// A fact that is not listed here cannot change any decision of this bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequiredFacts {
    /// Whether any policy looks at the session at all, if only for its existence.
    pub session: bool,
    /// Properties of the session.
    pub session_properties: BTreeSet<String>,
    /// Whether any policy looks at the client address of the session.
    pub client_ip: bool,
    /// Attributes of the subject's profile, as policies write them; LDAP filters in lower case.
    pub profile_attributes: BTreeSet<String>,
    /// Universal ids, folded, of the groups whose membership matters.
    pub groups: BTreeSet<String>,
    /// Whether the groups of the user that `invocatorPrincipalUuid` names matter.
    pub memberships: bool,
    /// Claims of tokens.
    pub claims: BTreeSet<String>,
    /// Keys of the environment.
    pub environment: BTreeSet<String>,
    /// Ids of the scripts that conditions run.
    pub scripts: BTreeSet<String>,
}

impl Bundle {
    /// What the policies of this bundle can ask about a request.
    pub fn required_facts(&self) -> RequiredFacts {
        let mut facts = RequiredFacts::default();
        let nodes = &self.tables.nodes;
        let mut at = 0_usize;
        while at < nodes.len() {
            let (kind, words) = self.tables.node(at as u32);
            if let Some(kind) = Kind::of(kind) {
                facts.add(kind, &mut Payload::new(words, &self.strings));
            }
            at += 2 + words.len();
        }
        for policy in self.tables.policies.chunks_exact(POLICY_WORDS) {
            let attributes = policy.last().copied().unwrap_or_default();
            let mut words = self.tables.list(attributes).iter().copied();
            while let (Some(kind), Some(_), Some(count)) =
                (words.next(), words.next(), words.next())
            {
                let values = words.by_ref().take(count as usize);
                let texts = values.map(|value| self.strings.get(value).to_owned());
                if kind == FROM_PROFILE {
                    facts.profile_attributes.extend(texts);
                } else {
                    texts.for_each(drop);
                }
            }
        }
        facts
    }
}

impl RequiredFacts {
    fn add(&mut self, kind: Kind, payload: &mut Payload<'_>) {
        match kind {
            Kind::Always | Kind::And | Kind::Or | Kind::Not | Kind::Never | Kind::Legacy => {}
            Kind::AuthenticatedUsers => self.session = true,
            Kind::Identity => {
                self.session = true;
                payload.word();
                self.groups.extend(payload.texts().map(str::to_owned));
            }
            Kind::JwtClaim => {
                self.claims.insert(payload.text().to_owned());
            }
            Kind::AuthLevel | Kind::LeAuthLevel => {
                self.read(&["requestAuthLevel"], &["AuthLevel"]);
            }
            Kind::AuthScheme => {
                let idle = payload.signed() >= 0;
                let property = payload.text();
                self.read(&["requestAuthSchemes"], &["AuthType", "Organization"]);
                if idle {
                    self.read(&[], &["moduleAuthTime", "authInstant", property]);
                }
            }
            Kind::AuthenticateToRealm => self.read(
                &["requestAuthenticatedToRealms"],
                &["Organization", "AuthType", "AuthLevel", "Service"],
            ),
            Kind::AuthenticateToService => {
                self.read(
                    &["requestAuthenticatedToServices"],
                    &["Service", "Organization"],
                );
            }
            Kind::AmIdentityMembership => {
                // The invoker may be the subject itself, whose groups count then.
                self.memberships = true;
                self.groups.extend(payload.texts().map(str::to_owned));
                self.read_environment(&["invocatorPrincipalUuid"]);
            }
            Kind::Session => self.read(&["requestSessionCreationTime"], &["authInstant"]),
            Kind::SessionProperty => {
                payload.word();
                for _ in 0..payload.count() {
                    let name = payload.text();
                    payload.ids();
                    self.read(&[], &[name]);
                }
            }
            Kind::SimpleTime => self.read_environment(&["requestTime", "requestTimeZone"]),
            Kind::Ipv4 | Kind::Ipv6 => {
                self.client_ip = true;
                self.read_environment(&["requestDnsName", "requestIp"]);
            }
            Kind::LdapFilter => {
                self.session = true;
                collect_profile_attributes(payload, &mut self.profile_attributes);
                // What every entry has: it tells an entry without the filter's attributes from none.
                self.profile_attributes.insert("uid".to_owned());
            }
            Kind::OAuth2Scope => self.read_environment(&["scope"]),
            Kind::ResourceEnvIp => self.read_rules(payload),
            Kind::Script => {
                self.session = true;
                self.scripts.insert(payload.text().to_owned());
            }
            Kind::Transaction => self.read(&["TxId"], &[]),
        }
    }

    fn read_rules(&mut self, payload: &mut Payload<'_>) {
        self.client_ip = true;
        self.read(
            &[
                "requestIp",
                "requestAuthSchemes",
                "requestAuthenticatedToServices",
                "requestAuthLevel",
                "requestAuthenticatedToRealms",
            ],
            &[
                "AuthType",
                "Service",
                "AuthLevel",
                "Role",
                "UserToken",
                "Organization",
            ],
        );
        for name in crate::evaluate::rule_names(payload) {
            self.environment.insert(name);
        }
    }

    fn read(&mut self, environment: &[&str], session: &[&str]) {
        self.session = true;
        self.read_environment(environment);
        self.session_properties
            .extend(session.iter().map(|name| (*name).to_owned()));
    }

    fn read_environment(&mut self, keys: &[&str]) {
        self.environment
            .extend(keys.iter().map(|key| (*key).to_owned()));
    }
}
