//! Users and groups: AM's JSON → attributes → stored, and back.

use assize_engine::model::is_credential;
use serde_json::{Map, Value};

use super::Members;
use crate::auth::privilege::{Privilege, Privileges};
use crate::limits::TOKEN_BYTES;
use crate::naming::is_invisible;
use crate::realm::{Directory, IdentityKind, RealmPath};
use crate::store::{Draft, Kind, Object};
use crate::subject::{Attributes, INACTIVE, STATUS, attribute};

/// What somebody wrote about a user or a group.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) name: Option<String>,
    pub(crate) password: Option<String>,
    /// Attributes to set; an empty list removes one.
    pub(crate) attributes: Attributes,
    /// Members of a group as they were written: universal ids, entry DNs or names.
    pub(crate) members: Option<Vec<String>>,
    /// Privileges of a group: granted or taken away, as far as they are named.
    pub(crate) privileges: Vec<(Privilege, Grant)>,
}

/// What is written about one privilege of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    Given,
    Withheld,
}

/// What a group consists of.
#[derive(Debug, Default)]
pub(crate) struct GroupParts {
    pub(crate) attributes: Attributes,
    /// Names of users of the realm.
    pub(crate) members: Vec<String>,
    pub(crate) privileges: Privileges,
}

/// The object classes of a user's entry.
pub(crate) const USER_CLASSES: [&str; 5] = [
    "top",
    "person",
    "organizationalperson",
    "inetorgperson",
    "inetuser",
];

/// Members that are computed, not stored.
const COMPUTED: [&str; 6] = ["realm", "dn", "universalid", "objectclass", "uid", "cn"];

/// Attributes that AM lets users change themselves (its privilege "User self write").
const OWN: [&str; 7] = [
    "mail",
    "sn",
    "givenName",
    "cn",
    "telephoneNumber",
    "postalAddress",
    "preferredLocale",
];

impl Written {
    /// Reads the JSON of a user or group. Values are texts or arrays of texts.
    ///
    /// # Errors
    /// The path of a member with another type, and what it must be.
    pub(crate) fn parse(kind: IdentityKind, json: &Members) -> Result<Self, (String, String)> {
        let mut written = Written::default();
        for (name, value) in json {
            let lower = name.to_lowercase();
            match lower.as_str() {
                // A name that is no text is none.
                "username" => written.name = value.as_str().map(str::to_owned),
                "userpassword" => written.password = Some(single(name, value)?),
                "uniquemember" if kind == IdentityKind::Group => {
                    written.members = Some(texts(name, value)?)
                }
                // AM 7's form of a group.
                "members" if kind == IdentityKind::Group => {
                    let nested = value.as_object().and_then(|m| {
                        m.iter()
                            .find(|(n, _)| n.eq_ignore_ascii_case("uniqueMember"))
                    });
                    written.members =
                        Some(nested.map_or(Ok(Vec::new()), |(n, value)| texts(n, value))?);
                }
                "privileges" if kind == IdentityKind::Group => {
                    written.privileges = grants(name, value)?;
                }
                // `cn` of a user is an attribute like any other; of a group it is its name.
                "cn" if kind == IdentityKind::User => {
                    drop(written.attributes.insert(name.clone(), texts(name, value)?))
                }
                // What begins so is about the object, and no part of it (`_rev`, `_store`).
                about if about.starts_with('_') => {}
                computed if COMPUTED.contains(&computed) => {}
                // INVARIANT: no credential becomes an attribute: it would be readable by policies and over REST.
                credential if is_credential(credential) => {}
                _ => drop(written.attributes.insert(name.clone(), texts(name, value)?)),
            }
        }
        if written.name.is_none() {
            let id = json.get("_id").and_then(Value::as_str);
            written.name = id.map(str::to_owned);
        }
        Ok(written)
    }

    /// Whether nothing of an identity was written but what it is called, and privileges where they are not granted.
    pub(crate) fn is_nothing(&self, grants_privileges: bool) -> bool {
        self.attributes.is_empty()
            && self.password.is_none()
            && self.members.is_none()
            && (self.privileges.is_empty() || !grants_privileges)
    }

    /// Whether all of it is what users may say about themselves. INVARIANT: the other attributes are what policies go
    /// by, so that nobody chooses them for themselves.
    pub(crate) fn is_about_oneself(&self) -> bool {
        self.attributes
            .keys()
            .all(|name| OWN.iter().any(|own| own.eq_ignore_ascii_case(name)))
    }

    /// The written privileges over those there are.
    pub(crate) fn granted_over(&self, privileges: Privileges) -> Privileges {
        let kept = |known: &Privilege| {
            let said = self.privileges.iter().find(|(named, _)| named == known);
            said.map_or(privileges.contains(*known), |(_, grant)| {
                *grant == Grant::Given
            })
        };
        Privilege::ALL.into_iter().filter(kept).collect()
    }

    /// The attributes of a user who is new.
    pub(crate) fn new_attributes(&self, name: &str) -> Attributes {
        let mut attributes = Attributes::new();
        for (attribute, value) in [("cn", name), ("sn", name), (STATUS, "Active")] {
            attributes.insert(attribute.to_owned(), vec![value.to_owned()]);
        }
        self.laid_over(attributes)
    }

    /// The written attributes over those there are; names are found without regard to case.
    pub(crate) fn laid_over(&self, mut attributes: Attributes) -> Attributes {
        for (name, values) in &self.attributes {
            let known = attributes
                .keys()
                .find(|known| known.eq_ignore_ascii_case(name))
                .cloned();
            let name = known.unwrap_or_else(|| name.clone());
            if values.is_empty() {
                attributes.remove(&name);
            } else {
                attributes.insert(name, values.clone());
            }
        }
        attributes
    }
}

/// Whether an identity may be called that: it becomes part of directory names.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= TOKEN_BYTES
        && name.trim() == name
        && !name
            .chars()
            .any(|c| is_invisible(c) || ",=+\"\\<>;/".contains(c))
}

/// The document of a user.
pub(crate) fn user_draft(
    realm: &RealmPath,
    name: &str,
    attributes: &Attributes,
    secret: Option<String>,
) -> Draft {
    identity_draft(
        realm,
        Kind::User,
        name,
        serde_json::to_string(attributes).unwrap_or_default(),
        secret,
        Vec::new(),
    )
}

/// The document of a group.
pub(crate) fn group_draft(realm: &RealmPath, name: &str, parts: &GroupParts) -> Draft {
    let privileges: Vec<&str> = parts.privileges.iter().map(Privilege::name).collect();
    let body = serde_json::json!({
        "attributes": parts.attributes,
        "members": parts.members,
        "privileges": privileges,
    });
    let members = parts.members.iter().map(|member| member.to_lowercase());
    identity_draft(
        realm,
        Kind::Group,
        name,
        body.to_string(),
        None,
        members.collect(),
    )
}

fn identity_draft(
    realm: &RealmPath,
    kind: Kind,
    name: &str,
    body: String,
    secret: Option<String>,
    members: Vec<String>,
) -> Draft {
    let key = name.to_lowercase();
    Draft {
        kind,
        realm: realm.key(),
        name_key: key.clone(),
        key,
        name: name.to_owned(),
        owner: String::new(),
        body,
        secret,
        members,
        stamp: None,
    }
}

/// The attributes of a stored user. One who cannot be read is inactive: nobody knows what was to be kept from them.
pub(crate) fn user_attributes(object: &Object) -> Attributes {
    readable_attributes(object)
        .unwrap_or_else(|| [(STATUS.to_owned(), vec![INACTIVE.to_owned()])].into())
}

/// The attributes of a stored user; `None` where they cannot be read.
pub(crate) fn readable_attributes(object: &Object) -> Option<Attributes> {
    let read = serde_json::from_str(&object.body);
    read.inspect_err(|error| {
        tracing::error!(user = object.name, %error, "a stored user cannot be read and counts as inactive");
    })
    .ok()
}

/// What a stored group consists of.
pub(crate) fn group_parts(object: &Object) -> GroupParts {
    let body: Value = serde_json::from_str(&object.body).unwrap_or_default();
    let part = |name: &str| body.get(name).cloned().unwrap_or_default();
    let privileges: Vec<String> = serde_json::from_value(part("privileges")).unwrap_or_default();
    GroupParts {
        attributes: serde_json::from_value(part("attributes")).unwrap_or_default(),
        members: serde_json::from_value(part("members")).unwrap_or_default(),
        privileges: privileges
            .iter()
            .filter_map(|name| Privilege::named(name))
            .collect(),
    }
}

/// A group's privileges as AM shows them: every one there is, and whether the group has it.
pub(crate) fn privileges_shown(privileges: Privileges) -> Value {
    let row = |known: Privilege| (known.name().to_owned(), privileges.contains(known).into());
    Value::Object(Privilege::ALL.into_iter().map(row).collect())
}

/// The names of users that the written members of a group stand for: universal ids and entry DNs of the realm, or names.
pub(crate) fn member_names(
    directory: &Directory,
    realm: &RealmPath,
    written: &[String],
) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for text in written {
        let name = directory
            .name_in(IdentityKind::User, text, realm)
            .unwrap_or_else(|| text.clone());
        if !names
            .iter()
            .any(|known| known.to_lowercase() == name.to_lowercase())
        {
            names.push(name);
        }
    }
    names
}

/// A stored user as AM shows it, without `_id` and `_rev`; `name` is the spelling that was asked for.
pub(crate) fn user_shown(
    directory: &Directory,
    realm: &RealmPath,
    object: &Object,
    name: &str,
) -> Members {
    let attributes = user_attributes(object);
    let mut shown = start(realm, name);
    shown.insert("uid".into(), vec![object.name.as_str()].into());
    for (attribute, values) in &attributes {
        let attribute = if attribute.eq_ignore_ascii_case(STATUS) {
            "inetUserStatus"
        } else {
            attribute
        };
        shown.insert(attribute.to_owned(), values.clone().into());
    }
    if attribute(&attributes, "roles").is_none() {
        shown.insert("roles".into(), vec!["ui-self-service-user"].into());
    }
    finish(
        &mut shown,
        directory,
        IdentityKind::User,
        realm,
        &object.name,
    );
    shown
}

/// A stored group as AM shows it, without `_id` and `_rev`.
pub(crate) fn group_shown(
    directory: &Directory,
    realm: &RealmPath,
    object: &Object,
    name: &str,
) -> Members {
    let parts = group_parts(object);
    let mut shown = start(realm, name);
    shown.insert("cn".into(), vec![object.name.as_str()].into());
    for (attribute, values) in &parts.attributes {
        shown.insert(attribute.clone(), values.clone().into());
    }
    if !parts.members.is_empty() {
        let dns: Vec<String> = parts
            .members
            .iter()
            .map(|n| directory.entry_dn(IdentityKind::User, n, realm))
            .collect();
        shown.insert("uniqueMember".into(), dns.into());
    }
    finish(
        &mut shown,
        directory,
        IdentityKind::Group,
        realm,
        &object.name,
    );
    shown
}

fn start(realm: &RealmPath, name: &str) -> Members {
    let mut shown = Map::new();
    shown.insert("username".into(), name.into());
    shown.insert("realm".into(), realm.as_str().into());
    shown
}

fn finish(
    shown: &mut Members,
    directory: &Directory,
    kind: IdentityKind,
    realm: &RealmPath,
    name: &str,
) {
    let classes: &[&str] = match kind {
        IdentityKind::User => &USER_CLASSES,
        IdentityKind::Group => &["top", "groupofuniquenames"],
    };
    shown.insert("objectclass".into(), classes.to_vec().into());
    shown.insert(
        "dn".into(),
        vec![directory.entry_dn(kind, name, realm)].into(),
    );
    shown.insert(
        "universalid".into(),
        vec![directory.universal_id(kind, name, realm)].into(),
    );
}

/// An object of privileges by name, each true or false.
fn grants(name: &str, value: &Value) -> Result<Vec<(Privilege, Grant)>, (String, String)> {
    let members = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Object(members) => members,
        _ => return Err((format!("/{name}"), "must be an object".into())),
    };
    let grant = |(privilege, value): (&String, &Value)| {
        let path = format!("/{name}/{privilege}");
        let Some(known) = Privilege::named(privilege) else {
            let all: Vec<&str> = Privilege::ALL.into_iter().map(Privilege::name).collect();
            return Err((
                path,
                format!("is no privilege; there are {}", all.join(", ")),
            ));
        };
        match value {
            Value::Bool(true) => Ok((known, Grant::Given)),
            Value::Bool(false) => Ok((known, Grant::Withheld)),
            _ => Err((path, "must be true or false".into())),
        }
    };
    members.iter().map(grant).collect()
}

fn single(name: &str, value: &Value) -> Result<String, (String, String)> {
    match value {
        Value::Array(items) if items.len() == 1 => {
            single(name, items.first().unwrap_or(&Value::Null))
        }
        Value::String(text) => Ok(text.clone()),
        _ => Err((format!("/{name}"), "must be a string".into())),
    }
}

fn texts(name: &str, value: &Value) -> Result<Vec<String>, (String, String)> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) if text.is_empty() => Ok(Vec::new()),
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Array(items) => {
            let text = |(n, item): (usize, &Value)| {
                item.as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| (format!("/{name}/{n}"), "must be a string".to_owned()))
            };
            items.iter().enumerate().map(text).collect()
        }
        _ => Err((
            format!("/{name}"),
            "must be a string or an array of strings".into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Stamp;
    use crate::subject::is_inactive;

    #[test]
    fn a_user_who_cannot_be_read_is_inactive() {
        let user = |body: &str| Object {
            key: "ann".into(),
            name_key: "ann".into(),
            name: "Ann".into(),
            owner: String::new(),
            body: body.into(),
            secret: None,
            stamp: Stamp {
                created_by: String::new(),
                created_at: 0,
                modified_by: String::new(),
                modified_at: 0,
            },
            revision: 1,
        };
        assert!(!is_inactive(&user_attributes(&user(
            r#"{"mail": ["a@b"]}"#
        ))));
        for torn in ["", "{", r#"{"mail": "a@b"}"#, "[]"] {
            let torn = user(torn);
            assert!(is_inactive(&user_attributes(&torn)), "{}", torn.body);
            assert_eq!(readable_attributes(&torn), None);
        }
    }
}
