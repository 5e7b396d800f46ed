use serde_json::Value;

use super::json::{Faults, Object, Path, is_name};
use super::resource_type::read_actions;
use super::{Attribute, Condition, Fault, FaultCode, PolicySet, ResourceType, Subject};
use crate::limits::{MAX_NAME_BYTES, MAX_PATTERNS, MAX_RESOURCE_BYTES};
use crate::resource::{NameError, canonical, wildcards_fit};

/// A policy: who may do what with which resources, in which circumstances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Unique in the realm without regard to case.
    pub name: String,
    /// Whether it counts.
    pub active: bool,
    /// The name of its policy set.
    pub policy_set: String,
    /// The uuid of its resource type.
    pub resource_type: Option<String>,
    /// Patterns in normal form.
    pub resources: Vec<String>,
    /// Each action: allowed or denied.
    pub actions: Vec<(String, bool)>,
    /// Whom it is about. AM stores a policy without one as a policy about nobody.
    pub subject: Subject,
    /// In which circumstances; always, where there is none.
    pub condition: Option<Condition>,
    /// What is returned beside its actions.
    pub attributes: Vec<Attribute>,
}

impl Policy {
    /// Reads a policy of version 1.0 or 2.x. Checks all that needs no other object;
    /// [`Policy::check_against`] checks the rest.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(json: &Value) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        let read = Self::read(json, &mut faults);
        match read.filter(|_| faults.0.is_empty()) {
            Some(policy) => Ok(policy),
            None => Err(faults.0),
        }
    }

    fn read(json: &Value, faults: &mut Faults) -> Option<Self> {
        let root = Path::Root;
        let object = Object::of(json, &root, faults)?;
        let name = read_name(&object, faults);
        let resources = read_resources(&object, faults);
        let subject = object
            .get("subject")
            .map(|value| Subject::read(value, &Path::Member(&root, "subject"), faults));
        let condition = object
            .get("condition")
            .map(|value| Condition::read(value, &Path::Member(&root, "condition"), faults));
        let attributes = Attribute::read_all(&object, faults);
        let active = object.boolean("active", faults).unwrap_or(true);
        let actions = match object.has("actionValues") {
            true => read_actions(&object, "actionValues", faults).unwrap_or_default(),
            false => Vec::new(),
        };
        // Decisions need no description, but it is a text.
        object.text("description", faults);
        let policy_set = object.text("applicationName", faults);
        if policy_set.is_some_and(|name| name.trim().is_empty()) {
            object.invalid(
                "applicationName",
                "Invalid value  for property applicationName",
                faults,
            );
        }
        let resource_type = object.text("resourceTypeUuid", faults);
        Some(Self {
            name: name?.to_owned(),
            active,
            policy_set: policy_set.unwrap_or(PolicySet::DEFAULT).to_owned(),
            resource_type: resource_type.map(str::to_owned),
            resources: resources?,
            actions,
            subject: subject.unwrap_or(Some(Subject::Never))?,
            condition: match condition {
                None => None,
                Some(condition) => Some(condition?),
            },
            attributes,
        })
    }

    /// Checks a policy against its policy set and the resource types of its realm, as AM does
    /// when it is written; and that the set lists the types that it uses (ruling C24).
    pub fn check_against(&self, set: &PolicySet, types: &[ResourceType]) -> Vec<Fault> {
        let mut faults = Faults::default();
        self.check_type(set, types, &mut faults);
        self.check_listed(set, &mut faults);
        faults.0
    }

    /// The legacy plug-ins that the policy uses, as faults: a Java class cannot be loaded here.
    pub fn check_legacy(&self) -> Vec<Fault> {
        let mut faults = Faults::default();
        let root = Path::Root;
        let message = "a legacy Java plug-in (type 'Policy') cannot be loaded";
        let mut legacy = false;
        self.subject.types(&mut |kind| legacy |= kind == "Policy");
        if legacy {
            faults.add(&Path::Member(&root, "subject"), FaultCode::Legacy, message);
        }
        let mut legacy = false;
        if let Some(condition) = &self.condition {
            condition.types(&mut |kind| legacy |= kind == "Policy");
        }
        if legacy {
            faults.add(
                &Path::Member(&root, "condition"),
                FaultCode::Legacy,
                message,
            );
        }
        faults.0
    }

    fn check_type(&self, set: &PolicySet, types: &[ResourceType], faults: &mut Faults) {
        let root = Path::Root;
        let path = Path::Member(&root, "resourceTypeUuid");
        let uuid = self.resource_type.as_deref();
        if set.resource_types.is_empty() {
            if uuid.is_some() {
                let message = "No resource type expected as the application has none associated.";
                faults.add(&path, FaultCode::UnknownReference, message);
            }
            return;
        }
        let Some(uuid) = uuid.filter(|uuid| set.resource_types.iter().any(|u| u == uuid)) else {
            let message = format!(
                "Invalid resource type {}, must be one from the set defined against the containing application.",
                uuid.unwrap_or("null")
            );
            faults.add(&path, FaultCode::UnknownReference, message);
            return;
        };
        let Some(kind) = types.iter().find(|kind| kind.uuid == uuid) else {
            let message = format!("Resource Type {uuid} does not exist");
            faults.add(&path, FaultCode::UnknownReference, message);
            return;
        };
        let path = Path::Member(&root, "actionValues");
        for (action, _) in &self.actions {
            if !kind.actions.iter().any(|(known, _)| known == action) {
                let message = format!("Invalid value {action} for property actionValues");
                faults.add(&Path::Member(&path, action), FaultCode::Invalid, message);
            }
        }
        let path = Path::Member(&root, "resources");
        for (index, resource) in self.resources.iter().enumerate() {
            if !kind.fits(resource) {
                let message = format!("Invalid value {resource} for property resources");
                faults.add(&Path::Item(&path, index), FaultCode::BadResource, message);
            }
        }
    }

    fn check_listed(&self, set: &PolicySet, faults: &mut Faults) {
        let root = Path::Root;
        let mut unlisted: Vec<(&str, &'static str)> = Vec::new();
        let mut check = |part: &'static str, listed: &[String], kind: &'static str| {
            let known = listed.is_empty() || listed.iter().any(|name| name == kind);
            if !known && !unlisted.contains(&(part, kind)) {
                unlisted.push((part, kind));
            }
        };
        // A policy about nobody need not say so: NONE is what AM stores for no subject.
        if self.subject != Subject::Never {
            self.subject
                .types(&mut |kind| check("subject", &set.subjects, kind));
        }
        if let Some(condition) = &self.condition {
            condition.types(&mut |kind| check("condition", &set.conditions, kind));
        }
        for (part, kind) in unlisted {
            let message = format!(
                "the policy set `{}` does not allow the {part} type `{kind}`",
                set.name
            );
            faults.add(&Path::Member(&root, part), FaultCode::NotAllowed, message);
        }
    }
}

fn read_name<'v>(object: &Object<'v, '_>, faults: &mut Faults) -> Option<&'v str> {
    let path = Path::Member(object.path, "name");
    let name = match object.get("name") {
        None => "",
        Some(_) => object.text("name", faults)?,
    };
    if name.trim().is_empty() {
        let message = "JSON string is invalid. Policy name cannot be empty.";
        faults.add(&path, FaultCode::Missing, message);
        return None;
    }
    if !is_name(name) {
        faults.add(&path, FaultCode::BadName, "Invalid Policy Name");
        return None;
    }
    if name.len() > MAX_NAME_BYTES {
        let message = format!("a name of more than {MAX_NAME_BYTES} bytes");
        faults.add(&path, FaultCode::Limit, message);
        return None;
    }
    Some(name)
}

fn read_resources(object: &Object<'_, '_>, faults: &mut Faults) -> Option<Vec<String>> {
    let path = Path::Member(object.path, "resources");
    let texts = object.texts("resources", faults).unwrap_or_default();
    if texts.is_empty() {
        if object
            .get("resources")
            .is_none_or(|v| v.as_array().is_some_and(Vec::is_empty))
        {
            let message =
                "JSON string is invalid. Resource list is empty, must contain at least one entry.";
            faults.add(&path, FaultCode::Missing, message);
        }
        return None;
    }
    if texts.len() > MAX_PATTERNS {
        let message = format!("more than {MAX_PATTERNS} resources");
        faults.add(&path, FaultCode::Limit, message);
        return None;
    }
    let mut resources: Vec<String> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let path = Path::Item(&path, index);
        match read_resource(text) {
            Ok(resource) if resources.contains(&resource) => {}
            Ok(resource) => resources.push(resource),
            Err(refused) => {
                let message = format!("Invalid value {text} for property resources");
                match refused {
                    // AM's words, for what AM refuses too.
                    Refused::Name(NameError::MixedWildcards | NameError::Port(_))
                    | Refused::Empty => faults.add(&path, FaultCode::BadResource, message),
                    Refused::Name(why) => {
                        faults.add(&path, FaultCode::BadResource, format!("{message}: {why}"));
                    }
                    Refused::Limit(why) => {
                        faults.add(&path, FaultCode::Limit, format!("{message}: {why}"));
                    }
                }
            }
        }
    }
    Some(resources)
}

/// Why a text cannot be a resource.
enum Refused {
    Name(NameError),
    Empty,
    Limit(String),
}

fn read_resource(text: &str) -> Result<String, Refused> {
    if text.len() > MAX_RESOURCE_BYTES {
        return Err(Refused::Limit(format!(
            "more than {MAX_RESOURCE_BYTES} bytes"
        )));
    }
    let resource = canonical(text).map_err(Refused::Name)?;
    if resource.is_empty() {
        return Err(Refused::Empty);
    }
    if !wildcards_fit(&resource) {
        let most = crate::limits::MAX_WILDCARDS;
        return Err(Refused::Limit(format!(
            "more than {most} wildcards in one part"
        )));
    }
    Ok(resource)
}
