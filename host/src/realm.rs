//! Realms and the names that AM gives to what lives in them.
//!
//! A realm is a path, `/` or `/alpha/sub`. Realms are found without regard to case and shown as they were created.
//! Directory names follow AM: `o=sub,o=alpha,ou=services,<base>` for a realm, and
//! `id=NAME,ou=user,<realm>` (the universal id) for an identity (`conditions.md` §1.6 of the specification of AM).

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::limits::REALM_DEPTH;

/// A realm's path in the spelling in which it was created.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RealmPath(Arc<str>);

impl RealmPath {
    pub(crate) fn root() -> Self {
        RealmPath(Arc::from("/"))
    }

    /// Reads `/`, `/alpha`, `alpha/sub`; `None` for an empty element, a forbidden character or too many levels.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let trimmed = text.strip_prefix('/').unwrap_or(text);
        if trimmed.is_empty() {
            return Some(Self::root());
        }
        let mut levels = 0;
        for name in trimmed.split('/') {
            levels += 1;
            if name.is_empty() || forbidden(name) || levels > REALM_DEPTH {
                return None;
            }
        }
        Some(RealmPath(Arc::from(format!("/{trimmed}"))))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_root(&self) -> bool {
        &*self.0 == "/"
    }

    /// The path without regard to case: what realms are found by.
    pub(crate) fn key(&self) -> String {
        self.0.to_lowercase()
    }

    /// The last element; `/` for the root.
    pub(crate) fn name(&self) -> &str {
        match self.0.rsplit_once('/') {
            Some((_, name)) if !name.is_empty() => name,
            _ => "/",
        }
    }

    /// The realm above; `None` for the root.
    pub(crate) fn parent(&self) -> Option<RealmPath> {
        if self.is_root() {
            return None;
        }
        match self.0.rsplit_once('/') {
            Some(("", _)) | None => Some(Self::root()),
            Some((parent, _)) => Some(RealmPath(Arc::from(parent))),
        }
    }

    /// The realm `name` beneath this one, or `None` where that is no realm name.
    pub(crate) fn child(&self, name: &str) -> Option<RealmPath> {
        let base = if self.is_root() { "" } else { &self.0 };
        (!name.is_empty() && !name.contains('/')).then(|| Self::parse(&format!("{base}/{name}")))?
    }

    /// The id that AM's realm endpoint gives: unpadded base64url of the path.
    pub(crate) fn id(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.as_bytes())
    }

    /// The path that an id of AM's realm endpoint stands for.
    pub(crate) fn from_id(id: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(id).ok()?;
        Self::parse(std::str::from_utf8(&bytes).ok()?)
    }

    /// True for this realm and every realm beneath it.
    pub(crate) fn contains(&self, other: &RealmPath) -> bool {
        if self.is_root() {
            return true;
        }
        let (own, other) = (self.key(), other.key());
        other
            .strip_prefix(&own)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The elements from the top down; none for the root.
    pub(crate) fn elements(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|name| !name.is_empty())
    }
}

impl fmt::Display for RealmPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Characters that no realm name may hold (AM's list, in its order), and the blank.
pub(crate) const FORBIDDEN_IN_REALM: &str = " \"#$%&+,/:;<=>?@\\";

/// True where a realm name or alias holds a character that AM refuses.
pub(crate) fn forbidden(name: &str) -> bool {
    name.chars()
        .any(|c| FORBIDDEN_IN_REALM.contains(c) || c.is_control())
}

/// What kind of identity a universal id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdentityKind {
    User,
    Group,
}

/// The directory that identities are named in: AM's `dc=openam,…` suffix.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    base: Arc<str>,
}

impl Directory {
    pub(crate) fn new(base: &str) -> Self {
        Directory {
            base: Arc::from(base),
        }
    }

    /// The DN of a realm: the suffix itself for the root.
    pub(crate) fn realm_dn(&self, realm: &RealmPath) -> String {
        let mut dn = String::new();
        for name in realm.elements().rev() {
            dn.push_str("o=");
            dn.push_str(name);
            dn.push(',');
        }
        if !dn.is_empty() {
            dn.push_str("ou=services,");
        }
        dn.push_str(&self.base);
        dn
    }

    /// `id=NAME,ou=user,<realm DN>`.
    pub(crate) fn universal_id(&self, kind: IdentityKind, name: &str, realm: &RealmPath) -> String {
        let unit = match kind {
            IdentityKind::User => "user",
            IdentityKind::Group => "group",
        };
        format!("id={name},ou={unit},{}", self.realm_dn(realm))
    }

    /// The DN of the identity's entry, as the embedded directory of AM names it.
    pub(crate) fn entry_dn(&self, kind: IdentityKind, name: &str, realm: &RealmPath) -> String {
        match kind {
            IdentityKind::User => format!("uid={name},ou=people,{}", self.realm_dn(realm)),
            IdentityKind::Group => format!("cn={name},ou=groups,{}", self.realm_dn(realm)),
        }
    }

    /// The user and the realm that a universal id names.
    pub(crate) fn locate_user(&self, universal_id: &str) -> Option<(String, RealmPath)> {
        let lower = universal_id.to_lowercase();
        let above = lower.strip_suffix(&self.base.to_lowercase())?;
        let mut rdns = above.strip_suffix(',')?.split(',');
        let name = rdns.next()?.trim().strip_prefix("id=")?.to_owned();
        if rdns.next()?.trim() != "ou=user" {
            return None;
        }
        let mut realms: Vec<&str> = rdns.map(str::trim).collect();
        // The root realm is the suffix itself; every other one is beneath the services.
        let beneath = realms.pop();
        if beneath.is_some_and(|last| last != "ou=services" || realms.is_empty()) {
            return None;
        }
        let names = realms.iter().rev().map(|rdn| rdn.strip_prefix("o="));
        let names: Vec<&str> = names.collect::<Option<_>>()?;
        Some((name, RealmPath::parse(&names.join("/"))?))
    }

    /// The name of the identity of `realm` that a universal id or an entry DN stands for.
    pub(crate) fn name_in(
        &self,
        kind: IdentityKind,
        text: &str,
        realm: &RealmPath,
    ) -> Option<String> {
        let (first, rest) = text.split_once(',')?;
        let (_, name) = first.split_once('=')?;
        let name = name.trim();
        let same = |full: String| full.eq_ignore_ascii_case(text);
        let known =
            same(self.universal_id(kind, name, realm)) || same(self.entry_dn(kind, name, realm));
        (known && !rest.is_empty()).then(|| name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn paths_names_and_ids() {
        let root = RealmPath::root();
        let sub = RealmPath::parse("/first/second").unwrap();
        assert_eq!(
            (root.id().as_str(), sub.id().as_str()),
            ("Lw", "L2ZpcnN0L3NlY29uZA")
        );
        assert_eq!(RealmPath::from_id("L2ZpcnN0L3NlY29uZA"), Some(sub.clone()));
        assert_eq!(
            (sub.name(), sub.parent().unwrap().as_str()),
            ("second", "/first")
        );
        assert_eq!(sub.parent().unwrap().parent(), Some(root.clone()));
        assert_eq!(
            root.child("first").unwrap().child("second"),
            Some(sub.clone())
        );
        for bad in ["//", "/a//b", "/a b", "/a:b", "/a/"] {
            assert_eq!(RealmPath::parse(bad), None, "{bad}");
        }
        let first = RealmPath::parse("/First").unwrap();
        assert!(first.contains(&sub) && root.contains(&sub) && !sub.contains(&first));
        assert!(!RealmPath::parse("/fir").unwrap().contains(&sub));
    }

    #[test]
    fn directory_names() {
        let directory = Directory::new("dc=openam,dc=example,dc=org");
        let root = RealmPath::root();
        let sub = RealmPath::parse("/a/b").unwrap();
        assert_eq!(
            directory.universal_id(IdentityKind::User, "ann", &root),
            "id=ann,ou=user,dc=openam,dc=example,dc=org"
        );
        let id = directory.universal_id(IdentityKind::Group, "staff", &sub);
        assert_eq!(
            id,
            "id=staff,ou=group,o=b,o=a,ou=services,dc=openam,dc=example,dc=org"
        );
        assert_eq!(
            directory
                .name_in(IdentityKind::Group, &id.to_uppercase(), &sub)
                .as_deref(),
            Some("STAFF")
        );
        assert_eq!(directory.name_in(IdentityKind::User, &id, &sub), None);
        let ann = directory.universal_id(IdentityKind::User, "Ann", &sub);
        assert_eq!(
            directory.locate_user(&ann),
            Some(("ann".to_owned(), sub.clone()))
        );
        assert_eq!(directory.locate_user(&id), None);
        for nowhere in [
            "id=ann,ou=user,ou=services,dc=openam,dc=example,dc=org",
            "id=ann,ou=user,o=a,dc=openam,dc=example,dc=org",
            "id=ann,ou=user,o=b,ou=services,o=a,ou=services,dc=openam,dc=example,dc=org",
        ] {
            assert_eq!(directory.locate_user(nowhere), None, "{nowhere}");
        }
        assert_eq!(directory.locate_user("id=ann,ou=user,dc=elsewhere"), None);
        assert_eq!(directory.name_in(IdentityKind::Group, &id, &root), None);
    }
}
