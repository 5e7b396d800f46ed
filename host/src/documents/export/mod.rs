//! A realm as an import document (contract §2), with everything that `import --restore` needs to bring it back.

pub(crate) mod frodo;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::stored::{Credentials, Stored};
use super::{Members, catalogue, identity, policy, script};
use crate::auth::privilege::Privileges;
use crate::clock::{self, Millis};
use crate::oauth::role;
use crate::publish::PUBLICATION;
use crate::realm::{Directory, IdentityKind, RealmPath};
use crate::store::{Kind, Object, Result, View};

/// The member of a document that says that it is an export, and so holds all of its realm.
pub(crate) const HEAD: &str = "export";
/// The member that holds the store's settings; the root's document only.
pub(crate) const SETTINGS: &str = "settings";
/// Settings that are no secret. Every other one is taken for a key or a hash.
const PLAIN_SETTINGS: [&str; 2] = [super::defaults::DONE, role::DONE];
/// Kinds that are of no use without what is secret about them.
const NOTHING_BUT_SECRETS: [Kind; 1] = [Kind::KeyRing];

/// What an export says about itself.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    /// The store's revision that it shows.
    pub(crate) revision: u64,
    at: String,
    program: String,
    /// Whether it holds password hashes and keys.
    pub(crate) credentials: bool,
}

/// All realms of a store, the root first.
///
/// # Errors
/// The store could not be read.
pub(crate) async fn realms(view: &mut dyn View) -> Result<Vec<RealmPath>> {
    let mut realms = vec![RealmPath::root()];
    for object in view.objects(Kind::Realm, "").await? {
        realms.extend(RealmPath::parse(&object.name).filter(|path| !path.is_root()));
    }
    Ok(realms)
}

/// The document of a realm: an array for each kind of document, and the settings in that of the root.
///
/// # Errors
/// The store could not be read.
pub(crate) async fn document(
    view: &mut dyn View,
    directory: &Directory,
    realm: &RealmPath,
    credentials: Credentials,
    at: Millis,
) -> Result<Value> {
    let key = realm.key();
    let head = Head {
        revision: view.revision(),
        at: clock::millis_text(at),
        program: concat!("assize ", env!("CARGO_PKG_VERSION")).to_owned(),
        credentials: credentials == Credentials::Included,
    };
    let mut document = Map::new();
    document.insert("realm".into(), realm.as_str().into());
    // Texts, a number and a truth value always serialise.
    document.insert(HEAD.into(), serde_json::to_value(head).unwrap_or_default());
    if realm.is_root() {
        let settings = view.settings().await?.into_iter();
        let told = settings.filter(|(name, _)| {
            let plain = PLAIN_SETTINGS.contains(&name.as_str());
            !name.starts_with(PUBLICATION) && (plain || credentials == Credentials::Included)
        });
        let rows = told.map(|(name, value)| json!({"name": name, "value": value}));
        document.insert(SETTINGS.into(), rows.collect());
    }
    for kind in Kind::ALL.iter().copied() {
        // An array that is missing says nothing: whoever restores keeps what there is.
        if credentials == Credentials::LeftOut && NOTHING_BUT_SECRETS.contains(&kind) {
            continue;
        }
        let objects = match kind {
            Kind::Realm => {
                let own = view.object(Kind::Realm, "", &key).await?;
                own.into_iter().collect()
            }
            _ => view.objects(kind, &key).await?,
        };
        let show = |object: &Object| shown(kind, object, directory, realm, credentials);
        let mut rows: Vec<Value> = objects.iter().map(show).collect();
        if realm.is_root() && kind != Kind::Realm {
            let homeless = view.objects(kind, "").await?;
            rows.extend(homeless.iter().map(|o| Stored::whole("", o, credentials)));
        }
        document.insert(kind.array().into(), rows.into());
    }
    Ok(Value::Object(document))
}

fn shown(
    kind: Kind,
    object: &Object,
    directory: &Directory,
    realm: &RealmPath,
    credentials: Credentials,
) -> Value {
    let shown = match kind {
        Kind::ResourceType => catalogue::resource_type_shown(object),
        Kind::PolicySet => catalogue::policy_set_shown(object),
        Kind::Policy => policy::written(object),
        Kind::Script => script(object),
        Kind::User | Kind::Group => {
            let mut shown = match kind {
                Kind::User => user(object),
                _ => group(object, directory, realm),
            };
            Stored::add(&mut shown, object, credentials);
            shown
        }
        _ => return Stored::whole(&realm.key(), object, credentials),
    };
    Value::Object(shown)
}

fn script(object: &Object) -> Members {
    // The id is what policies refer to, and no member of the stored document.
    let mut shown = Members::from_iter([("_id".to_owned(), object.name.as_str().into())]);
    shown.extend(script::shown(object));
    shown
}

fn user(object: &Object) -> Members {
    let mut shown = Members::from_iter([("username".to_owned(), object.name.as_str().into())]);
    let attributes = identity::user_attributes(object).into_iter();
    shown.extend(attributes.map(|(name, values)| (name, values.into())));
    shown
}

fn group(object: &Object, directory: &Directory, realm: &RealmPath) -> Members {
    let parts = identity::group_parts(object);
    let ids = parts
        .members
        .iter()
        .map(|name| directory.universal_id(IdentityKind::User, name, realm));
    let mut shown = Members::new();
    shown.insert("username".into(), object.name.as_str().into());
    shown.insert("uniqueMember".into(), ids.collect());
    let attributes = parts.attributes.into_iter();
    shown.extend(attributes.map(|(name, values)| (name, values.into())));
    if parts.privileges != Privileges::NONE {
        let granted = parts.privileges.iter();
        let granted = granted.map(|privilege| (privilege.name().to_owned(), true.into()));
        shown.insert("privileges".into(), Value::Object(granted.collect()));
    }
    shown
}
