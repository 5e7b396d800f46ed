//! What only `import --restore` reads: settings, kinds of documents that have no form of their own, and what has to go
//! because a whole export lacks it.

use serde_json::Value;

use super::super::export::SETTINGS;
use super::super::stored::Stored;
use super::plan::Context;
use super::{Importer, Whole};
use crate::realm::RealmPath;
use crate::store::{Kind, StoreError, Write};

/// Kinds whose arrays every import reads.
const IMPORTED: [Kind; 6] = [
    Kind::ResourceType,
    Kind::PolicySet,
    Kind::Policy,
    Kind::Script,
    Kind::User,
    Kind::Group,
];

impl Importer<'_> {
    /// Documents that are carried as they are.
    pub(super) async fn carried(
        &self,
        context: &mut Context<'_>,
        others: &serde_json::Map<String, Value>,
    ) -> Result<(), StoreError> {
        for kind in Kind::ALL.iter().filter(|kind| !IMPORTED.contains(kind)) {
            for (n, json) in rows(others, kind.array()).iter().enumerate() {
                let place = format!("/{}/{n}", kind.array());
                let mut draft = match Stored::draft(*kind, &context.key, json) {
                    Ok(draft) => draft,
                    Err((path, message)) => {
                        context.error(format!("{place}{path}"), message);
                        continue;
                    }
                };
                if *kind == Kind::Realm {
                    let path = RealmPath::parse(&draft.name);
                    if path.as_ref() != Some(&context.realm) {
                        let message = format!("is not the document's realm, {}", context.realm);
                        context.error(format!("{place}/_store/name"), message);
                        continue;
                    }
                    draft.realm = String::new();
                }
                if context
                    .whole
                    .as_ref()
                    .is_some_and(|whole| !whole.credentials)
                {
                    let there = self.store.object(*kind, &draft.realm, &draft.key).await?;
                    if let Some(object) = there {
                        let same = Write::require(*kind, &draft.realm, &object);
                        context.plan.required.push(same);
                        draft.secret = object.secret;
                    }
                }
                context.put(&place, draft);
            }
        }
        Ok(())
    }

    pub(super) fn settings(
        &self,
        context: &mut Context<'_>,
        others: &serde_json::Map<String, Value>,
    ) {
        for (n, json) in rows(others, SETTINGS).iter().enumerate() {
            let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
            let (Some(name), Some(value)) = (text("name"), text("value")) else {
                let message = "a setting has a name and a value, both texts";
                context.error(format!("/{SETTINGS}/{n}"), message);
                continue;
            };
            context.plan.writes.push(Write::PutSetting { name, value });
        }
    }

    /// Plans to remove what the realm holds and its export lacks, and what has another second name there, so that names
    /// can change hands.
    pub(super) async fn remove_others(
        &self,
        context: &mut Context<'_>,
        whole: &Whole,
    ) -> Result<(), StoreError> {
        let homes: &[&str] = match context.realm.is_root() {
            true => &["/", ""],
            false => &[&context.key.clone()],
        };
        for kind in Kind::ALL.iter().copied() {
            if kind == Kind::Realm || !whole.holds(kind) {
                continue;
            }
            for home in homes {
                for object in self.store.objects(kind, home).await? {
                    let after = context.plan.second_name(kind, home, &object.key);
                    if after != Some(&object.name_key) {
                        context.plan.removals.push(Write::Delete {
                            kind,
                            realm: (*home).to_owned(),
                            key: object.key,
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// Says which members are not read.
    pub(super) fn unread(
        &self,
        context: &mut Context<'_>,
        others: &serde_json::Map<String, Value>,
    ) {
        let carried =
            |name: &str| name == SETTINGS || Kind::ALL.iter().any(|kind| kind.array() == name);
        for (name, value) in others {
            let empty = value.as_array().is_some_and(Vec::is_empty);
            if carried(name) && !self.restores() && !empty {
                context.warn(&format!("/{name}"), "is read by `import --restore` only");
            } else if !carried(name) && !["meta", super::HEAD].contains(&name.as_str()) {
                context.warn(&format!("/{name}"), "is not read: there is no such member");
            }
        }
    }
}

/// The objects of a member; none where it is no array.
fn rows<'a>(others: &'a serde_json::Map<String, Value>, name: &str) -> &'a [Value] {
    others
        .get(name)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}
