//! A realm's policies as a file that frodo imports: objects by id in four maps (`clients.md` §10 of the specification).

use serde_json::{Map, Value, json};

use crate::clock::{self, Millis};
use crate::documents::{Members, catalogue, members, policy, script_text};
use crate::realm::RealmPath;
use crate::store::{Kind, Object, Result, View};

/// The file of a realm. All four maps are there, as frodo looks into each; keys are sorted, as frodo writes them.
///
/// # Errors
/// The store could not be read.
pub(crate) async fn document(
    view: &mut dyn View,
    realm: &RealmPath,
    author: &str,
    at: Millis,
) -> Result<Value> {
    let mut document = Map::new();
    document.insert(
        "meta".into(),
        json!({
            "exportDate": clock::millis_text(at),
            "exportTool": "assize",
            "exportToolVersion": env!("CARGO_PKG_VERSION"),
            "exportedBy": author,
            "origin": realm.as_str(),
        }),
    );
    for (map, kind) in [
        ("policy", Kind::Policy),
        ("policyset", Kind::PolicySet),
        ("resourcetype", Kind::ResourceType),
        ("script", Kind::Script),
    ] {
        let objects = view.objects(kind, &realm.key()).await?;
        let by_id = objects.iter().map(|object| {
            let members = shown(kind, object);
            (object.name.clone(), sorted(Value::Object(members)))
        });
        document.insert(map.into(), sorted(Value::Object(by_id.collect())));
    }
    Ok(Value::Object(document))
}

fn shown(kind: Kind, object: &Object) -> Members {
    let mut shown = match kind {
        Kind::Policy => policy::shown(object),
        Kind::PolicySet => catalogue::policy_set_shown(object),
        Kind::ResourceType => catalogue::resource_type_shown(object),
        _ => members(object),
    };
    // frodo finds policies and scripts by `_id`, sets by `name` and types by `uuid`.
    shown.insert("_id".into(), object.name.as_str().into());
    if kind == Kind::Script
        && let Some(source) = shown.get("script").and_then(script_text::lines)
    {
        shown.insert("script".into(), source);
    }
    shown
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> = members
                .into_iter()
                .map(|(name, value)| (name, sorted(value)))
                .collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
