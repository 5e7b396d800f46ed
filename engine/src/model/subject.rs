use serde_json::Value;

use super::FaultCode;
use super::json::{Faults, Object, Path};
use crate::limits::{MAX_TREE_DEPTH, MAX_TREE_NODES};

/// Whom a policy is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Anyone with a session.
    AuthenticatedUsers,
    /// Users and groups by their universal ids; any of them.
    Identity(Vec<String>),
    /// A claim of a token.
    JwtClaim {
        /// The claim's name, taken literally.
        name: String,
        /// What it must equal, or hold.
        value: String,
    },
    /// Nobody.
    Never,
    /// A legacy Java plug-in: kept, and undetermined.
    Legacy,
    /// All of them.
    And(Vec<Self>),
    /// Any of them.
    Or(Vec<Self>),
    /// Not this one.
    Not(Box<Self>),
}

/// Counts nodes and depth of a tree that is being read.
#[derive(Default)]
pub(super) struct Size {
    nodes: usize,
}

impl Size {
    /// Whether one more node, at this depth, is within the bounds.
    pub(super) fn admits(&mut self, depth: usize, path: &Path<'_>, faults: &mut Faults) -> bool {
        self.nodes += 1;
        let fits = self.nodes <= MAX_TREE_NODES && depth < MAX_TREE_DEPTH;
        if !fits {
            let message = format!(
                "a tree of more than {MAX_TREE_NODES} nodes or deeper than {MAX_TREE_DEPTH}"
            );
            faults.add(path, FaultCode::Limit, message);
        }
        fits
    }
}

impl Subject {
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
            "AuthenticatedUsers" | "NONE" => {
                only(&object, &[], faults);
                Some(if kind == "NONE" {
                    Self::Never
                } else {
                    Self::AuthenticatedUsers
                })
            }
            "Identity" => {
                only(&object, &["subjectValues"], faults);
                Some(Self::Identity(
                    object.texts("subjectValues", faults).unwrap_or_default(),
                ))
            }
            "JwtClaim" => {
                only(&object, &["claimName", "claimValue"], faults);
                if object.get("claimValue").is_none() {
                    object.missing("claimValue", faults);
                }
                let name = object.required("claimName", faults);
                let value = object.text("claimValue", faults);
                Some(Self::JwtClaim {
                    name: name?.to_owned(),
                    value: value?.to_owned(),
                })
            }
            "Policy" => {
                only(&object, &["name", "className", "values"], faults);
                Some(Self::Legacy)
            }
            "AND" | "OR" => {
                only(&object, &["subjects", "subjectName"], faults);
                object.text("subjectName", faults);
                let children = children(&object, "subjects", faults, |value, path, faults| {
                    Self::node(value, path, depth + 1, size, faults)
                })?;
                Some(if kind == "AND" {
                    Self::And(children)
                } else {
                    Self::Or(children)
                })
            }
            "NOT" => {
                only(&object, &["subject", "subjectName"], faults);
                object.text("subjectName", faults);
                let Some(child) = object.get("subject") else {
                    object.missing("subject", faults);
                    return None;
                };
                let path = Path::Member(path, "subject");
                Self::node(child, &path, depth + 1, size, faults).map(|c| Self::Not(Box::new(c)))
            }
            other => {
                unknown_type(&object, other, faults);
                None
            }
        }
    }

    /// Calls `visit` with AM's name of each type in the tree.
    pub fn types(&self, visit: &mut impl FnMut(&'static str)) {
        visit(match self {
            Self::AuthenticatedUsers => "AuthenticatedUsers",
            Self::Identity(_) => "Identity",
            Self::JwtClaim { .. } => "JwtClaim",
            Self::Never => "NONE",
            Self::Legacy => "Policy",
            Self::And(_) => "AND",
            Self::Or(_) => "OR",
            Self::Not(_) => "NOT",
        });
        match self {
            Self::And(children) | Self::Or(children) => {
                children.iter().for_each(|child| child.types(visit));
            }
            Self::Not(child) => child.types(visit),
            _ => {}
        }
    }
}

/// Reads the `type` of a typed object.
pub(super) fn type_of<'v>(object: &Object<'v, '_>, faults: &mut Faults) -> Option<&'v str> {
    if object.get("type").is_none() {
        let message = "JSON string is invalid. The property 'type' is missing.";
        faults.add(
            &Path::Member(object.path, "type"),
            FaultCode::Missing,
            message,
        );
        return None;
    }
    object.text("type", faults)
}

pub(super) fn unknown_type(object: &Object<'_, '_>, kind: &str, faults: &mut Faults) {
    let message = format!("JSON string is invalid. No such type: '{kind}'");
    faults.add(
        &Path::Member(object.path, "type"),
        FaultCode::UnknownType,
        message,
    );
}

/// Members of a typed object: `type`, AM's own plumbing, and these.
pub(super) fn only(object: &Object<'_, '_>, members: &[&str], faults: &mut Faults) {
    let mut known = vec!["type", "state"];
    known.extend_from_slice(members);
    object.only(&known, faults);
}

/// Reads the children of AND and OR, of which there must be some.
pub(super) fn children<T>(
    object: &Object<'_, '_>,
    member: &str,
    faults: &mut Faults,
    mut read: impl FnMut(&Value, &Path<'_>, &mut Faults) -> Option<T>,
) -> Option<Vec<T>> {
    let path = Path::Member(object.path, member);
    let items = match object.get(member) {
        Some(Value::Array(items)) if !items.is_empty() => items,
        Some(Value::Array(_)) | None => {
            object.missing(member, faults);
            return None;
        }
        Some(_) => {
            let message =
                format!("Invalid value for property {member}: must be an array of objects");
            faults.add(&path, FaultCode::WrongType, message);
            return None;
        }
    };
    let read: Vec<Option<T>> = items
        .iter()
        .enumerate()
        .map(|(index, item)| read(item, &Path::Item(&path, index), faults))
        .collect();
    read.into_iter().collect()
}
