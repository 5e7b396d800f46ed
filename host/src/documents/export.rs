//! A realm as an import document (contract §2).

use serde_json::{Map, Value, json};

use super::{identity, members};
use crate::auth::privilege::Privileges;
use crate::realm::{Directory, RealmPath};
use crate::store::{Kind, Store, StoreError};

/// All realms of a store, the root first.
///
/// # Errors
/// The store could not be read.
pub(crate) async fn realms(store: &dyn Store) -> Result<Vec<RealmPath>, StoreError> {
    let mut realms = vec![RealmPath::root()];
    for object in store.objects(Kind::Realm, "").await? {
        realms.extend(RealmPath::parse(&object.name).filter(|path| !path.is_root()));
    }
    Ok(realms)
}

/// The document of a realm. Passwords are not in it.
///
/// # Errors
/// The store could not be read.
pub(crate) async fn document(
    store: &dyn Store,
    directory: &Directory,
    realm: &RealmPath,
) -> Result<Value, StoreError> {
    let key = realm.key();
    let mut document = Map::new();
    document.insert("realm".into(), realm.as_str().into());
    for kind in [
        Kind::ResourceType,
        Kind::PolicySet,
        Kind::Policy,
        Kind::Script,
    ] {
        let objects = store.objects(kind, &key).await?;
        document.insert(
            kind.array().into(),
            objects
                .iter()
                .map(|object| Value::Object(members(object)))
                .collect(),
        );
    }
    let users = store.objects(Kind::User, &key).await?;
    let users = users.iter().map(|user| {
        let mut shown = Map::from_iter([("username".to_owned(), Value::from(user.name.as_str()))]);
        shown.extend(
            identity::user_attributes(user)
                .into_iter()
                .map(|(name, values)| (name, values.into())),
        );
        Value::Object(shown)
    });
    document.insert("users".into(), users.collect());
    let groups = store.objects(Kind::Group, &key).await?;
    let groups = groups.iter().map(|group| {
        let parts = identity::group_parts(group);
        let ids = parts
            .members
            .iter()
            .map(|n| directory.universal_id(crate::realm::IdentityKind::User, n, realm));
        let mut shown = json!({"username": group.name, "uniqueMember": ids.collect::<Vec<_>>()});
        if let Value::Object(shown) = &mut shown {
            shown.extend(
                parts
                    .attributes
                    .into_iter()
                    .map(|(name, values)| (name, values.into())),
            );
            if parts.privileges != Privileges::NONE {
                let granted = parts.privileges.iter();
                let granted = granted.map(|privilege| (privilege.name().to_owned(), true.into()));
                shown.insert("privileges".into(), Value::Object(granted.collect()));
            }
        }
        shown
    });
    document.insert("groups".into(), groups.collect());
    Ok(Value::Object(document))
}
