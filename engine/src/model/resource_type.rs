use serde_json::Value;

use super::json::{Faults, Object, Path};
use super::{Fault, FaultCode};
use crate::limits::MAX_NAME_BYTES;
use crate::resource::{canonical, type_covers};

/// What kinds of resources there are, and what can be done with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceType {
    /// What policies and policy sets refer to.
    pub uuid: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Patterns that the resources of policies must fit, in normal form.
    pub patterns: Vec<String>,
    /// Each action, and the value that an editor starts from.
    pub actions: Vec<(String, bool)>,
}

impl ResourceType {
    /// Reads a resource type. A missing `uuid` is the empty text.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(json: &Value) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        let read = Self::read(json, &mut faults);
        match read.filter(|_| faults.0.is_empty()) {
            Some(kind) => Ok(kind),
            None => Err(faults.0),
        }
    }

    /// The built-in type that AM calls URL.
    pub fn url() -> Self {
        let actions = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];
        Self {
            uuid: "76656a38-5f8e-401b-83aa-4ccb74ce88d2".to_owned(),
            name: "URL".to_owned(),
            description: Some(
                "The built-in URL Resource Type available to OpenAM Policies.".to_owned(),
            ),
            patterns: vec!["*://*:*/*".to_owned(), "*://*:*/*?*".to_owned()],
            actions: actions.map(|action| (action.to_owned(), true)).to_vec(),
        }
    }

    fn read(json: &Value, faults: &mut Faults) -> Option<Self> {
        let root = Path::Root;
        let object = Object::of(json, &root, faults)?;
        object.only(
            &[
                "_id",
                "_rev",
                "uuid",
                "name",
                "description",
                "patterns",
                "actions",
                "createdBy",
                "creationDate",
                "lastModifiedBy",
                "lastModifiedDate",
            ],
            faults,
        );
        let name = match object.text("name", faults) {
            Some(name) if !name.trim().is_empty() && name.len() <= MAX_NAME_BYTES => Some(name),
            _ => {
                let message = "Resource Type name must be specified.";
                faults.add(&Path::Member(&root, "name"), FaultCode::Missing, message);
                None
            }
        };
        let uuid = object.text("uuid", faults).unwrap_or_default();
        let description = object.text("description", faults);
        if object.get("patterns").is_none() {
            object.missing("patterns", faults);
        }
        let path = Path::Member(&root, "patterns");
        let mut patterns = Vec::new();
        for (index, pattern) in object.texts("patterns", faults)?.iter().enumerate() {
            if pattern.trim().is_empty() {
                let path = Path::Item(&path, index);
                faults.add(&path, FaultCode::BadResource, "an empty pattern");
            }
            // AM takes any text: one without a normal form admits what it says as it stands.
            patterns.push(canonical(pattern).unwrap_or_else(|_| pattern.clone()));
        }
        Some(Self {
            uuid: uuid.to_owned(),
            name: name?.to_owned(),
            description: description.map(str::to_owned),
            patterns,
            actions: read_actions(&object, "actions", faults)?,
        })
    }

    /// Whether a resource in normal form fits one of the patterns.
    pub fn fits(&self, resource: &str) -> bool {
        self.patterns
            .iter()
            .any(|pattern| type_covers(pattern, resource))
    }
}

/// Reads an object of booleans that must be there.
pub(super) fn read_actions(
    object: &Object<'_, '_>,
    member: &str,
    faults: &mut Faults,
) -> Option<Vec<(String, bool)>> {
    let Some(value) = object.get(member) else {
        object.missing(member, faults);
        return None;
    };
    let path = Path::Member(object.path, member);
    let actions = Object::of(value, &path, faults)?;
    let mut read = Vec::new();
    for (name, _) in actions.members() {
        if name.trim().is_empty() {
            actions.invalid(name, "an action needs a name", faults);
        }
        if let Some(allowed) = actions.boolean(name, faults) {
            read.push((name.to_owned(), allowed));
        }
    }
    Some(read)
}
