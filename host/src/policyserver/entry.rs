//! What is administered, as it is kept: policies, their roles and permissions, and assignments of roles.
//!
//! Each is one document of the root realm. A document's `owner` is what it lies beneath, and its second name makes names
//! unique there without regard to case, in the store itself, so that two nodes cannot both add one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::auth::NoRandomness;
use crate::realm::RealmPath;
use crate::store::{Draft, Expect, Kind, Object, Write};

/// Declares identities that the server makes: 32 hexadecimal digits, never chosen by a caller.
macro_rules! ids {
    ($($(#[$doc:meta])* $id:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub(crate) struct $id(String);

        impl $id {
            /// A new one.
            ///
            /// # Errors
            /// The system gave no randomness.
            pub(crate) fn new() -> Result<Self, NoRandomness> {
                random_id().map($id)
            }

            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $id {
            /// What a path or a document names; whether there is such a thing is asked of the hierarchy.
            fn from(text: &str) -> Self {
                $id(text.to_owned())
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids!(
    /// Names a policy.
    PolicyId,
    /// Names a role of a policy.
    RoleId,
    /// Names a permission of a policy.
    PermissionId,
    /// Names an assignment.
    AssignmentId
);

fn random_id() -> Result<String, NoRandomness> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| NoRandomness)?;
    Ok(hex::encode(random))
}

/// A name and what people say about it: what policies, roles and permissions have alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) name: String,
    pub(crate) description: String,
}

/// A policy: a place for roles and permissions, beneath another policy or at the top.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) id: PolicyId,
    pub(crate) parent: Option<PolicyId>,
    pub(crate) label: Label,
    pub(crate) revision: u64,
}

/// A role that a policy defines. It counts in that policy and in all beneath it.
#[derive(Clone, Debug)]
pub(crate) struct Role {
    pub(crate) id: RoleId,
    pub(crate) policy: PolicyId,
    pub(crate) label: Label,
    pub(crate) revision: u64,
}

/// A permission that a policy defines, and the roles that have it: roles of the policy or of one above it.
#[derive(Clone, Debug)]
pub(crate) struct Permission {
    pub(crate) id: PermissionId,
    pub(crate) policy: PolicyId,
    pub(crate) label: Label,
    pub(crate) roles: Vec<RoleId>,
    pub(crate) revision: u64,
}

/// Who has a role.
#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    pub(crate) id: AssignmentId,
    pub(crate) role: RoleId,
    pub(crate) assignee: Assignee,
    pub(crate) revision: u64,
}

/// Whom an assignment is about. All values are compared exactly, letter case included.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub(crate) enum Assignee {
    /// The user with this `sub`.
    Subject {
        /// The user's id.
        sub: String,
    },
    /// Every user whose identity has this `role` claim.
    Role {
        /// The identity role's name.
        role: String,
    },
    /// Every user with this claim.
    Claim {
        /// The claim's type.
        r#type: String,
        /// Its value.
        value: String,
    },
}

/// What kind of assignee an assignment has: each kind has its own routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AssigneeKind {
    Subject,
    Role,
    Claim,
}

impl Assignee {
    pub(crate) fn kind(&self) -> AssigneeKind {
        match self {
            Assignee::Subject { .. } => AssigneeKind::Subject,
            Assignee::Role { .. } => AssigneeKind::Role,
            Assignee::Claim { .. } => AssigneeKind::Claim,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct LabelBody {
    #[serde(default)]
    description: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<RoleId>,
}

#[derive(Serialize, Deserialize)]
struct AssignmentBody {
    assignee: Assignee,
}

/// Where all of this is kept.
pub(crate) fn realm_key() -> String {
    RealmPath::root().key()
}

/// Something that is kept as one document.
pub(crate) trait Entry: Sized {
    const KIND: Kind;
    /// The entry of a stored document; `None` for one that this version cannot read.
    fn read(object: &Object) -> Option<Self>;
    /// The document that keeps it.
    fn draft(&self) -> Draft;
    fn key(&self) -> &str;
    /// The store's revision at its last change; 0 for one that is not stored yet.
    fn revision(&self) -> u64;

    /// The step of a change that stops it where this was changed or removed meanwhile.
    fn require(&self) -> Write {
        Write::Require {
            kind: Self::KIND,
            realm: realm_key(),
            key: self.key().to_owned(),
            revision: self.revision(),
        }
    }

    /// The steps of a change that writes what it has become.
    fn change(&self) -> Vec<Write> {
        vec![self.require(), Write::Put(Expect::Present, self.draft())]
    }

    /// The step of a change that stops it where entries of a kind lie beneath this one.
    fn require_none_of<T: Entry>(&self) -> Write {
        Write::RequireEmpty {
            kind: T::KIND,
            realm: realm_key(),
            owner: self.key().to_owned(),
        }
    }

    /// The step of a change that removes it.
    fn delete(&self) -> Write {
        Write::Delete {
            kind: Self::KIND,
            realm: realm_key(),
            key: self.key().to_owned(),
        }
    }
}

impl Entry for Policy {
    const KIND: Kind = Kind::HierarchyPolicy;

    fn read(object: &Object) -> Option<Self> {
        Some(Policy {
            id: PolicyId(object.key.clone()),
            parent: (!object.owner.is_empty()).then(|| PolicyId(object.owner.clone())),
            label: label(object, &body(object)?),
            revision: object.revision,
        })
    }

    fn draft(&self) -> Draft {
        let owner = self.parent.as_ref().map_or("", PolicyId::as_str);
        labelled(Self::KIND, self.key(), owner, &self.label, &[])
    }

    fn key(&self) -> &str {
        self.id.as_str()
    }

    fn revision(&self) -> u64 {
        self.revision
    }
}

impl Entry for Role {
    const KIND: Kind = Kind::HierarchyRole;

    fn read(object: &Object) -> Option<Self> {
        Some(Role {
            id: RoleId(object.key.clone()),
            policy: PolicyId(object.owner.clone()),
            label: label(object, &body(object)?),
            revision: object.revision,
        })
    }

    fn draft(&self) -> Draft {
        labelled(
            Self::KIND,
            self.key(),
            self.policy.as_str(),
            &self.label,
            &[],
        )
    }

    fn key(&self) -> &str {
        self.id.as_str()
    }

    fn revision(&self) -> u64 {
        self.revision
    }
}

impl Entry for Permission {
    const KIND: Kind = Kind::HierarchyPermission;

    fn read(object: &Object) -> Option<Self> {
        let body = body(object)?;
        Some(Permission {
            id: PermissionId(object.key.clone()),
            policy: PolicyId(object.owner.clone()),
            label: label(object, &body),
            roles: body.roles,
            revision: object.revision,
        })
    }

    fn draft(&self) -> Draft {
        let owner = self.policy.as_str();
        labelled(Self::KIND, self.key(), owner, &self.label, &self.roles)
    }

    fn key(&self) -> &str {
        self.id.as_str()
    }

    fn revision(&self) -> u64 {
        self.revision
    }
}

impl Entry for Assignment {
    const KIND: Kind = Kind::HierarchyAssignment;

    fn read(object: &Object) -> Option<Self> {
        let body: AssignmentBody = serde_json::from_str(&object.body).ok()?;
        Some(Assignment {
            id: AssignmentId(object.key.clone()),
            role: RoleId(object.owner.clone()),
            assignee: body.assignee,
            revision: object.revision,
        })
    }

    fn draft(&self) -> Draft {
        let assignee = &self.assignee;
        // A struct of texts always serialises. As the second name it makes an assignment unique in its role.
        let text = serde_json::to_string(assignee).unwrap_or_default();
        Draft {
            kind: Self::KIND,
            realm: realm_key(),
            key: self.id.as_str().to_owned(),
            name_key: format!("{}/{text}", self.role),
            name: self.id.as_str().to_owned(),
            owner: self.role.as_str().to_owned(),
            body: format!(r#"{{"assignee":{text}}}"#),
            secret: None,
            members: Vec::new(),
            stamp: None,
        }
    }

    fn key(&self) -> &str {
        self.id.as_str()
    }

    fn revision(&self) -> u64 {
        self.revision
    }
}

fn body(object: &Object) -> Option<LabelBody> {
    serde_json::from_str(&object.body).ok()
}

fn label(object: &Object, body: &LabelBody) -> Label {
    Label {
        name: object.name.clone(),
        description: body.description.clone(),
    }
}

fn labelled(kind: Kind, key: &str, owner: &str, label: &Label, roles: &[RoleId]) -> Draft {
    let body = LabelBody {
        description: label.description.clone(),
        roles: roles.to_vec(),
    };
    Draft {
        kind,
        realm: realm_key(),
        key: key.to_owned(),
        name_key: format!("{owner}/{}", label.name.to_lowercase()),
        name: label.name.clone(),
        owner: owner.to_owned(),
        // A struct of texts always serialises.
        body: serde_json::to_string(&body).unwrap_or_default(),
        secret: None,
        members: Vec::new(),
        stamp: None,
    }
}
