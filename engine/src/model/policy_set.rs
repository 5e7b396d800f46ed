use serde_json::Value;

use super::json::{Faults, Object, Path, is_name};
use super::{Fault, FaultCode};
use crate::limits::MAX_NAME_BYTES;

/// A policy set, which AM's REST calls an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySet {
    /// Its name, unique in the realm without regard to case.
    pub name: String,
    /// The resource types that its policies may have; without any, nothing is checked.
    pub resource_types: Vec<String>,
    /// The condition types that its policies may use; none named: all.
    pub conditions: Vec<String>,
    /// The subject types that its policies may use; none named: all.
    pub subjects: Vec<String>,
}

impl PolicySet {
    /// The name of the set that is meant where none is named.
    pub const DEFAULT: &'static str = "iPlanetAMWebAgentService";

    /// Reads a policy set of version 1.0 or 2.x. Members that do not matter to evaluation are
    /// left to whoever stores it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(json: &Value) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        let read = Self::read(json, &mut faults);
        match read.filter(|_| faults.0.is_empty()) {
            Some(set) => Ok(set),
            None => Err(faults.0),
        }
    }

    /// The set that exists where a document names none: any condition, any subject, the URL type.
    pub fn default_set() -> Self {
        Self {
            name: Self::DEFAULT.to_owned(),
            resource_types: vec![super::ResourceType::url().uuid],
            conditions: Vec::new(),
            subjects: Vec::new(),
        }
    }

    fn read(json: &Value, faults: &mut Faults) -> Option<Self> {
        let root = Path::Root;
        let object = Object::of(json, &root, faults)?;
        let path = Path::Member(&root, "name");
        let name = object.text("name", faults).unwrap_or_default();
        if name.trim().is_empty() {
            faults.add(
                &path,
                FaultCode::Missing,
                "Application name must be specified.",
            );
        } else if !is_name(name) {
            faults.add(&path, FaultCode::BadName, "Invalid Policy Set Id");
        } else if name.len() > MAX_NAME_BYTES {
            let message = format!("a name of more than {MAX_NAME_BYTES} bytes");
            faults.add(&path, FaultCode::Limit, message);
        }
        Some(Self {
            name: name.to_owned(),
            resource_types: object
                .texts("resourceTypeUuids", faults)
                .unwrap_or_default(),
            conditions: object.texts("conditions", faults).unwrap_or_default(),
            subjects: object.texts("subjects", faults).unwrap_or_default(),
        })
    }
}
