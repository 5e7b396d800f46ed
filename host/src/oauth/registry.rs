//! Clients, roles and role mappings as they are at the store's current revision, in memory.
//!
//! A token is checked against these at every use: taking a role from a client, or deleting the client, ends what its
//! tokens may do as soon as the change is known here, whatever the tokens say.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::Client;
use super::permission::{Permission, Permissions};
use super::registered::Registered;
use super::role::{Role, RoleId, RoleMapping, Source};
use crate::realm::RealmPath;
use crate::store::snapshots::{Snapshot, Snapshots};
use crate::store::{Draft, Expect, Kind, Object, Store, StoreError, View, Write};

/// The registry, kept up with the store.
pub(crate) type Registries = Snapshots<Registry>;

/// What can be set about tokens while the server runs (Pexip's `authentication` resource).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenSettings {
    /// Life of the access tokens of Pexip's endpoint in seconds; the configured one where it is not set.
    #[serde(default)]
    pub(crate) expiration: Option<u32>,
    /// Whether users' passwords are refused on the management APIs: those take Bearer tokens only.
    #[serde(default)]
    pub(crate) disable_basic: bool,
    /// Whether clients may change the authentication configuration where their role permits it.
    #[serde(default)]
    pub(crate) allow_all_permissions: bool,
}

impl TokenSettings {
    const KEY: &'static str = "tokens";
    /// What holds where nobody can tell what was set.
    const STRICTEST: TokenSettings = TokenSettings {
        expiration: None,
        disable_basic: true,
        allow_all_permissions: false,
    };

    /// The settings as the store has them at this moment, and the revision of their document where there is one.
    ///
    /// # Errors
    /// The store did not answer, or what it has cannot be read: that is not the same as nothing.
    pub(crate) async fn stored(store: &dyn Store) -> Result<(Self, Option<u64>), StoreError> {
        let realm = RealmPath::root().key();
        let there = store.object(Kind::TokenSettings, &realm, Self::KEY).await?;
        let Some(object) = there else {
            return Ok((Self::default(), None));
        };
        let unreadable = || StoreError::Unavailable("the token settings cannot be read".into());
        let settings = Self::read(&object).ok_or_else(unreadable)?;
        Ok((settings, Some(object.revision)))
    }

    fn read(object: &Object) -> Option<Self> {
        serde_json::from_str(&object.body).ok()
    }

    /// What writes them, unless somebody has written others since `there`.
    pub(crate) fn in_place_of(&self, there: Option<u64>) -> Vec<Write> {
        let draft = self.draft();
        match there {
            Some(revision) => vec![
                Write::Require {
                    kind: draft.kind,
                    realm: draft.realm.clone(),
                    key: draft.key.clone(),
                    revision,
                },
                Write::Put(Expect::Present, draft),
            ],
            None => vec![Write::Put(Expect::Absent, draft)],
        }
    }

    fn draft(&self) -> Draft {
        Draft {
            kind: Kind::TokenSettings,
            realm: RealmPath::root().key(),
            key: Self::KEY.into(),
            name_key: Self::KEY.into(),
            name: Self::KEY.into(),
            owner: String::new(),
            // A struct of numbers and truths always serialises.
            body: serde_json::to_string(self).unwrap_or_default(),
            secret: None,
            members: Vec::new(),
            stamp: None,
        }
    }
}

/// Everything registered, at one revision.
#[derive(Clone, Default)]
pub(crate) struct Registry {
    clients: HashMap<String, Arc<Client>>,
    roles: BTreeMap<RoleId, Role>,
    mappings: Vec<RoleMapping>,
    /// The revisions of all of these, by kind and key.
    revisions: HashMap<(Kind, String), u64>,
    /// All that was written of these kinds up to this revision of the store is here.
    pub(super) as_of: u64,
    pub(crate) settings: TokenSettings,
}

#[async_trait]
impl Snapshot for Registry {
    const KINDS: &'static [Kind] = &[
        Kind::Client,
        Kind::Role,
        Kind::RoleMapping,
        Kind::TokenSettings,
    ];

    async fn read(
        view: &mut dyn View,
        before: &Registry,
        changed: &[Kind],
    ) -> Result<Registry, StoreError> {
        let mut next = before.clone();
        for kind in changed {
            next.read_kind(view, *kind).await?;
        }
        next.as_of = view.revision();
        Ok(next)
    }
}

impl Registry {
    /// The client with an id, disabled or not.
    pub(crate) fn client(&self, id: &str) -> Option<&Arc<Client>> {
        self.clients.get(id)
    }

    /// All clients, by name and id.
    pub(crate) fn clients(&self) -> Vec<&Arc<Client>> {
        let mut clients: Vec<_> = self.clients.values().collect();
        clients.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        clients
    }

    pub(crate) fn role(&self, id: RoleId) -> Option<&Role> {
        self.roles.get(&id)
    }

    /// The role with a name, without regard to case.
    pub(crate) fn role_named(&self, name: &str) -> Option<&Role> {
        let name = name.to_lowercase();
        self.roles.values().find(|role| role.name.folded() == name)
    }

    /// The role mapping with a name, without regard to case.
    pub(crate) fn mapping_named(&self, name: &str) -> Option<&RoleMapping> {
        let name = name.to_lowercase();
        self.mappings
            .iter()
            .find(|mapping| mapping.name.folded() == name)
    }

    /// The role that a request names, by number or by name.
    pub(crate) fn role_meant(&self, wanted: &Value) -> Option<&Role> {
        if let Value::String(name) = wanted {
            return self.role_named(name);
        }
        let number = wanted.as_u64().and_then(|n| u32::try_from(n).ok());
        self.role(RoleId(number?))
    }

    /// The revision that a registration of a kind is at; one that the store never has where there is none.
    pub(crate) fn revision_of<R: Registered>(&self, registered: &R) -> u64 {
        let id = (R::KIND, registered.key());
        self.revisions.get(&id).copied().unwrap_or(0)
    }

    /// That roles are still what they are here: what is given with them was weighed by what they permit.
    pub(super) fn require_roles(&self, roles: &[RoleId]) -> Vec<Write> {
        let known = roles.iter().filter_map(|id| self.roles.get(id));
        known
            .map(|role| role.require(self.revision_of(role)))
            .collect()
    }

    /// By number.
    pub(crate) fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.values()
    }

    pub(crate) fn mappings(&self) -> &[RoleMapping] {
        &self.mappings
    }

    /// A number for a new role: above all that are there. Roles in use cannot be deleted, so no reference to a role ever
    /// comes to mean another one: the store looks at that again when a role is deleted.
    pub(crate) fn next_role(&self) -> RoleId {
        RoleId(self.roles.keys().next_back().map_or(1, |last| last.0 + 1))
    }

    /// A number for a new role mapping.
    pub(crate) fn next_mapping(&self) -> u32 {
        let last = self.mappings.iter().map(|mapping| mapping.id).max();
        last.unwrap_or(0) + 1
    }

    /// Names of the clients and mappings that use a role.
    pub(crate) fn users_of(&self, role: RoleId) -> Vec<String> {
        let clients = self.clients.values();
        let clients = clients.filter(|client| client.role == Some(role));
        let mappings = self.mappings.iter();
        let mappings = mappings.filter(|mapping| mapping.roles.contains(&role));
        let mut users: Vec<String> = clients
            .map(|client| client.name.to_string())
            .chain(mappings.map(|mapping| mapping.name.to_string()))
            .collect();
        users.sort();
        users
    }

    /// What roles permit together, whoever asks.
    pub(crate) fn permitted(&self, roles: &[RoleId]) -> Permissions {
        let roles = roles.iter().filter_map(|id| self.roles.get(id));
        roles.fold(Permissions::NONE, |sum, role| sum.or(role.permissions))
    }

    /// What a role permits to those who call with a token. Without the setting `allow_all_permissions` that is never a
    /// change of the authentication configuration (seed 003).
    pub(crate) fn permissions(&self, role: Option<RoleId>) -> Permissions {
        self.withheld(self.permitted(role.as_slice()))
    }

    /// Whether somebody who holds `own` may give others `given`: nobody gives more than they have. What the settings
    /// withhold from tokens, both sides are without.
    pub(crate) fn may_give(&self, own: Permissions, given: Permissions) -> bool {
        self.withheld(own).covers(self.withheld(given))
    }

    /// Permissions without what the settings withhold from tokens.
    pub(crate) fn withheld(&self, permissions: Permissions) -> Permissions {
        if self.settings.allow_all_permissions {
            permissions
        } else {
            permissions.without(Permission::ChangeAuthentication)
        }
    }

    /// What the mappings with a source permit to somebody who has these values there; `None` where no mapping fits.
    pub(crate) fn mapped(&self, source: Source, values: &[&str]) -> Option<Permissions> {
        let fitting = self
            .mappings
            .iter()
            .filter(|mapping| mapping.source == source && values.contains(&mapping.value.as_str()));
        fitting
            .map(|mapping| self.withheld(self.permitted(&mapping.roles)))
            .reduce(Permissions::or)
    }

    /// Reads all documents of a kind anew. One that cannot be read grants nothing, and is said.
    async fn read_kind(&mut self, view: &mut dyn View, kind: Kind) -> Result<(), StoreError> {
        let objects = view.objects(kind, &RealmPath::root().key()).await?;
        self.revisions.retain(|(known, _), _| *known != kind);
        let revisions = objects
            .iter()
            .map(|object| ((kind, object.key.clone()), object.revision));
        self.revisions.extend(revisions);
        match kind {
            Kind::Client => {
                let clients = readable(&objects, kind, Client::read);
                self.clients = clients
                    .map(|client| (client.id.clone(), Arc::new(client)))
                    .collect();
            }
            Kind::Role => {
                let roles = readable(&objects, kind, Role::read);
                self.roles = roles.map(|role| (role.id, role)).collect();
            }
            Kind::RoleMapping => {
                self.mappings = readable(&objects, kind, RoleMapping::read).collect();
                self.mappings.sort_by_key(|mapping| mapping.id);
            }
            _ => {
                self.settings = match objects.first() {
                    None => TokenSettings::default(),
                    Some(_) => readable(&objects, kind, TokenSettings::read)
                        .next()
                        .unwrap_or(TokenSettings::STRICTEST),
                };
            }
        }
        Ok(())
    }
}

fn readable<'a, T>(
    objects: &'a [Object],
    kind: Kind,
    read: impl Fn(&Object) -> Option<T> + 'a,
) -> impl Iterator<Item = T> + 'a {
    objects.iter().filter_map(move |object| {
        let known = read(object);
        if known.is_none() {
            tracing::error!(
                kind = kind.name(),
                key = object.key,
                "cannot be read from the store"
            );
        }
        known
    })
}
