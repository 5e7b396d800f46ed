//! Who a decision is about: what the server knows of a session's user, written as the `subject` of an engine request.
//!
//! The engine resolves nothing. Principals, groups, session properties and profile attributes are put together here,
//! only as far as the realm's policies can read them, and kept with the session until the store changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::auth::session::{ADMINISTRATOR, Properties, Session};
use crate::decide::Facts;
use crate::documents::identity::{USER_CLASSES, readable_attributes, user_attributes};
use crate::publish::{Live, LiveRealm};
use crate::realm::{Directory, IdentityKind, RealmPath};
use crate::store::{Kind, Store, StoreError};

/// Attributes of a user or group: names as they were given, each with its values.
pub(crate) type Attributes = BTreeMap<String, Vec<String>>;

/// The attribute that says whether a user may log in, and its value when not.
pub(crate) const STATUS: &str = "inetUserStatus";
pub(crate) const INACTIVE: &str = "Inactive";

/// A resolved subject, as long as it holds.
pub(crate) struct ResolvedSubject {
    /// The store's revision that it was resolved at.
    revision: u64,
    facts: Arc<Facts>,
    /// The session's properties that it was resolved from.
    properties: Arc<Properties>,
    /// `None` for a user who is gone or inactive.
    known: Option<Known>,
}

/// What is known of a session's user.
struct Known {
    /// The members of the JSON object `subject`, without its braces.
    members: Vec<u8>,
    universal_id: String,
    /// Where the realm's policies run scripts.
    told_to_scripts: Option<assize_script::Session>,
}

impl ResolvedSubject {
    /// The members of the `subject` object; `None` where the subject is not to be believed any more.
    pub(crate) fn members(&self) -> Option<&[u8]> {
        self.known.as_ref().map(|known| known.members.as_slice())
    }

    /// The user's universal id.
    pub(crate) fn universal_id(&self) -> Option<&str> {
        self.known.as_ref().map(|known| known.universal_id.as_str())
    }

    /// What scripts are told of the session and its user; nothing where the realm's policies run none.
    pub(crate) fn told_to_scripts(&self) -> Option<&assize_script::Session> {
        self.known.as_ref()?.told_to_scripts.as_ref()
    }
}

/// Resolves subjects out of the store.
pub(crate) struct Subjects {
    store: Arc<dyn Store>,
    pub(crate) directory: Directory,
}

impl Subjects {
    pub(crate) fn new(store: Arc<dyn Store>, directory: Directory) -> Self {
        Subjects { store, directory }
    }

    /// The subject of a session, for policies of `target`.
    ///
    /// # Errors
    /// The store did not answer.
    pub(crate) async fn of_session(
        &self,
        session: &Session,
        live: &Live,
        target: &LiveRealm,
    ) -> Result<Arc<ResolvedSubject>, StoreError> {
        if let Some(known) = session.subject.load_full()
            && known.revision == live.revision
            && Arc::ptr_eq(&known.facts, &target.facts)
            && session.has_properties(&known.properties)
        {
            return Ok(known);
        }
        let facts = Arc::clone(&target.facts);
        // INVARIANT: taken before anything is resolved from them. Where they are replaced meanwhile, what is kept below
        // names others than the session has, and is not used again.
        let properties = session.properties();
        let known = self.known(session, &properties, &facts).await?;
        let resolved = Arc::new(ResolvedSubject {
            revision: live.revision,
            facts,
            properties,
            known,
        });
        session.subject.store(Some(Arc::clone(&resolved)));
        Ok(resolved)
    }

    async fn known(
        &self,
        session: &Session,
        properties: &Properties,
        facts: &Facts,
    ) -> Result<Option<Known>, StoreError> {
        let realm_key = session.realm.key();
        let (name, profile) = if session.is_administrator() {
            (ADMINISTRATOR.to_owned(), Attributes::new())
        } else {
            match self
                .store
                .object(Kind::User, &realm_key, &session.user_key)
                .await?
            {
                None => return Ok(None),
                Some(user) => {
                    let attributes = user_attributes(&user);
                    if is_inactive(&attributes) {
                        return Ok(None);
                    }
                    (user.name.clone(), entry(&user.name, attributes))
                }
            }
        };
        let universal_id = self
            .directory
            .universal_id(IdentityKind::User, &name, &session.realm);
        let mut subject = Map::new();
        subject.insert("principals".into(), vec![universal_id.as_str()].into());
        if facts.groups {
            subject.insert(
                "groups".into(),
                self.groups(session, &realm_key).await?.into(),
            );
        }
        let read = properties
            .iter()
            .filter(|(name, _)| facts.session.contains(*name));
        let read: Map<String, Value> = read
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect();
        subject.insert("session".into(), read.into());
        if facts.client_ip && !session.client_ip.is_empty() {
            subject.insert("clientIp".into(), session.client_ip.as_str().into());
        }
        subject.insert("profile".into(), readable(&profile, facts));
        let text = Value::Object(subject).to_string();
        let members = text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'))
            .unwrap_or_default();
        Ok(Some(Known {
            members: members.as_bytes().to_vec(),
            universal_id,
            told_to_scripts: facts
                .scripts
                .then(|| assize_script::Session::of(properties, Some(&profile))),
        }))
    }

    async fn groups(&self, session: &Session, realm_key: &str) -> Result<Vec<String>, StoreError> {
        let names = self.store.groups_of(realm_key, &session.user_key).await?;
        Ok(names
            .iter()
            .map(|name| {
                self.directory
                    .universal_id(IdentityKind::Group, name, &session.realm)
            })
            .collect())
    }

    /// The profile of a user whom a token names by universal id, as far as the realm's policies read profiles.
    ///
    /// # Errors
    /// The store did not answer.
    pub(crate) async fn profile(
        &self,
        sight: &Sight<'_>,
        id: &str,
    ) -> Result<Option<Value>, StoreError> {
        if sight.target.facts.profile.is_empty() {
            return Ok(None);
        }
        let Some((name, realm)) = self.seen(sight, id) else {
            return Ok(None);
        };
        let Some(user) = self.store.object(Kind::User, &realm.key, &name).await? else {
            return Ok(None);
        };
        let Some(attributes) = readable_attributes(&user) else {
            return Ok(None);
        };
        let attributes = entry(&user.name, attributes);
        Ok(Some(readable(&attributes, &sight.target.facts)))
    }

    /// The name and the realm that a universal id stands for, where they can be seen.
    fn seen(&self, sight: &Sight<'_>, id: &str) -> Option<(String, Arc<LiveRealm>)> {
        let (name, path) = self.directory.locate_user(id)?;
        let realm = sight.live.realm(&path)?;
        sight.reaches(&realm.path).then_some((name, realm))
    }

    /// The groups of identities that the environment names; identities unknown here are left out, which the engine
    /// takes for unknown.
    ///
    /// # Errors
    /// The store did not answer.
    pub(crate) async fn memberships(
        &self,
        sight: &Sight<'_>,
        ids: &BTreeSet<String>,
    ) -> Result<Value, StoreError> {
        let mut memberships = Map::new();
        for id in ids {
            let Some((name, realm)) = self.seen(sight, id) else {
                continue;
            };
            if self
                .store
                .object(Kind::User, &realm.key, &name)
                .await?
                .is_none()
            {
                continue;
            }
            let groups = self.store.groups_of(&realm.key, &name).await?;
            let groups: Vec<String> = groups
                .iter()
                .map(|g| {
                    self.directory
                        .universal_id(IdentityKind::Group, g, &realm.path)
                })
                .collect();
            memberships.insert(id.clone(), groups.into());
        }
        Ok(memberships.into())
    }
}

/// Whom a question can be about, though nobody has proved to be that user.
///
/// INVARIANT: a realm's policies, which its administrators write, learn nothing of users of other realms through them.
pub(crate) struct Sight<'a> {
    pub(crate) live: &'a Live,
    /// Whose policies decide.
    pub(crate) target: &'a LiveRealm,
    /// Where whoever asks is from.
    pub(crate) caller: &'a RealmPath,
}

impl Sight<'_> {
    fn reaches(&self, realm: &RealmPath) -> bool {
        self.target.path.contains(realm) || self.caller.contains(realm)
    }
}

/// The attributes that policies read, under the names by which they read them.
///
/// INVARIANT: credentials are no attributes. They are taken out before a user is stored, so none can be here.
fn readable(profile: &Attributes, facts: &Facts) -> Value {
    let wanted = facts
        .profile
        .iter()
        .filter_map(|name| Some((name, attribute(profile, name)?)));
    Value::Object(
        wanted
            .map(|(name, values)| (name.clone(), values.clone().into()))
            .collect(),
    )
}

/// A directory holds a user's name and kind as attributes, too.
fn entry(name: &str, mut attributes: Attributes) -> Attributes {
    attributes.insert("uid".to_owned(), vec![name.to_owned()]);
    let classes = USER_CLASSES.map(str::to_owned).to_vec();
    attributes.insert("objectclass".to_owned(), classes);
    attributes
}

/// The values of an attribute, found without regard to case as in a directory.
pub(crate) fn attribute<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a Vec<String>> {
    attributes
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, values)| values)
}

/// Whether a user with these attributes may not log in.
pub(crate) fn is_inactive(attributes: &Attributes) -> bool {
    attribute(attributes, STATUS)
        .is_some_and(|values| values.iter().any(|v| v.eq_ignore_ascii_case(INACTIVE)))
}
