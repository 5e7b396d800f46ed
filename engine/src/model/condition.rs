use serde_json::Value;

use super::json::{Faults, Object, Path};
use super::subject::{self, Size, children, type_of};
use crate::lang::address::{Family, Range};
use crate::lang::filter::Filter;
use crate::lang::rule::Rule;
use crate::lang::window::Window;
use crate::lang::zone::ZoneName;

mod leaf;

/// Members of a condition: what subjects and attributes have besides their own, `displayType`
/// (which AM swallows in conditions alone), and these.
fn only(object: &Object<'_, '_>, members: &[&str], faults: &mut Faults) {
    let mut known = vec!["displayType"];
    known.extend_from_slice(members);
    subject::only(object, &known, faults);
}

/// In which circumstances a policy holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All of them.
    And(Vec<Self>),
    /// Any of them.
    Or(Vec<Self>),
    /// Not this one.
    Not(Box<Self>),
    /// At least this authentication level.
    AuthLevel(i32),
    /// At most this authentication level.
    LeAuthLevel(i32),
    /// Authenticated by all of these modules.
    AuthScheme {
        /// The modules, each perhaps with its realm.
        schemes: Vec<String>,
        /// How long the application may be idle.
        idle: Option<Idle>,
    },
    /// Authenticated to this realm.
    AuthenticateToRealm(String),
    /// Authenticated by this chain or tree.
    AuthenticateToService(String),
    /// The invoker is, or belongs to, one of these universal ids.
    AmIdentityMembership(Vec<String>),
    /// The session is younger than so many minutes.
    Session {
        /// Since authentication.
        minutes: i64,
        /// Whether a session that is older is to be ended.
        terminate: bool,
    },
    /// Session properties have these values.
    SessionProperty {
        /// Whether the case of values does not matter.
        ignore_case: bool,
        /// Each property and its possible values.
        properties: Vec<(String, Vec<String>)>,
    },
    /// Within these times.
    SimpleTime {
        /// The times.
        window: Window,
        /// The condition's own zone.
        zone: Option<ZoneName<'static>>,
    },
    /// From these addresses or hosts.
    Ip {
        /// Which version of addresses.
        family: Family,
        /// Patterns of DNS names, folded.
        dns_names: Vec<String>,
        /// Ranges of addresses.
        ranges: Vec<Range>,
    },
    /// The profile matches this filter.
    LdapFilter(Filter),
    /// All of these scopes were granted.
    OAuth2Scope(Vec<String>),
    /// By where the request comes from, authenticated so.
    ResourceEnvIp(Vec<Rule>),
    /// What the script with this id says.
    Script(String),
    /// A confirmed transaction.
    Transaction {
        /// The advice that a confirmation follows.
        strategy: String,
        /// The service, realm, module or level to confirm with.
        specifier: String,
    },
    /// A legacy Java plug-in: kept, and undetermined.
    Legacy,
}

/// The idle time-out of an AuthScheme condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idle {
    /// Minutes.
    pub minutes: i32,
    /// Whose idleness is measured.
    pub application: String,
}

impl Condition {
    pub(super) fn read(value: &Value, path: &Path<'_>, faults: &mut Faults) -> Option<Self> {
        Self::node(value, path, 0, &mut Size::default(), faults)
    }

    fn node(
        value: &Value,
        path: &Path<'_>,
        depth: usize,
        size: &mut Size,
        faults: &mut Faults,
    ) -> Option<Self> {
        if !size.admits(depth, path, faults) {
            return None;
        }
        let object = Object::of(value, path, faults)?;
        let kind = type_of(&object, faults)?;
        match kind {
            "AND" | "OR" => {
                only(&object, &["conditions", "name"], faults);
                object.text("name", faults);
                let children = children(&object, "conditions", faults, |value, path, faults| {
                    Self::node(value, path, depth + 1, size, faults)
                })?;
                Some(if kind == "AND" {
                    Self::And(children)
                } else {
                    Self::Or(children)
                })
            }
            "NOT" => {
                only(&object, &["condition", "name"], faults);
                object.text("name", faults);
                let Some(child) = object.get("condition") else {
                    object.missing("condition", faults);
                    return None;
                };
                let path = Path::Member(path, "condition");
                Self::node(child, &path, depth + 1, size, faults).map(|c| Self::Not(Box::new(c)))
            }
            _ => leaf::read(kind, &object, faults),
        }
    }

    /// Calls `visit` with AM's name of each type in the tree.
    pub fn types(&self, visit: &mut impl FnMut(&'static str)) {
        visit(self.type_name());
        match self {
            Self::And(children) | Self::Or(children) => {
                children.iter().for_each(|child| child.types(visit));
            }
            Self::Not(child) => child.types(visit),
            _ => {}
        }
    }

    fn type_name(&self) -> &'static str {
        match self {
            Self::And(_) => "AND",
            Self::Or(_) => "OR",
            Self::Not(_) => "NOT",
            Self::AuthLevel(_) => "AuthLevel",
            Self::LeAuthLevel(_) => "LEAuthLevel",
            Self::AuthScheme { .. } => "AuthScheme",
            Self::AuthenticateToRealm(_) => "AuthenticateToRealm",
            Self::AuthenticateToService(_) => "AuthenticateToService",
            Self::AmIdentityMembership(_) => "AMIdentityMembership",
            Self::Session { .. } => "Session",
            Self::SessionProperty { .. } => "SessionProperty",
            Self::SimpleTime { .. } => "SimpleTime",
            Self::Ip {
                family: Family::V4, ..
            } => "IPv4",
            Self::Ip {
                family: Family::V6, ..
            } => "IPv6",
            Self::LdapFilter(_) => "LDAPFilter",
            Self::OAuth2Scope(_) => "OAuth2Scope",
            Self::ResourceEnvIp(_) => "ResourceEnvIP",
            Self::Script(_) => "Script",
            Self::Transaction { .. } => "Transaction",
            Self::Legacy => "Policy",
        }
    }
}
