//! The import document: resource types, policy sets and policies of one realm in AM's own JSON
//! (contract §2), and frodo's export files.

use serde_json::{Map, Value};

use crate::compile::{CompiledPolicy, compile_policy, link};
use crate::model::{Fault, FaultCode, Policy, PolicySet, ResourceType};
use crate::resource::fold;

/// A document as it was written: each array holds the JSON that the REST API takes and gives.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document {
    /// The realm in path form.
    pub realm: String,
    /// `None`: not mentioned, which means the built-in URL type.
    pub resource_types: Option<Vec<Value>>,
    /// Policy sets.
    pub applications: Vec<Value>,
    /// Policies.
    pub policies: Vec<Value>,
    /// Scripts.
    pub scripts: Vec<Value>,
    /// Users.
    pub users: Vec<Value>,
    /// Groups.
    pub groups: Vec<Value>,
    /// Members that are none of these: what an export holds beside them is for a store to read.
    pub others: Map<String, Value>,
    /// How each of [`ARRAYS`] was written.
    forms: [Form; ARRAYS.len()],
}

/// How the objects of one kind were written.
#[derive(Debug, Clone, Default, PartialEq)]
enum Form {
    #[default]
    Absent,
    Array,
    /// As frodo does, by these ids.
    ById(Vec<String>),
}

/// The sound objects of a document, and what is wrong with the others.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// The realm in path form.
    pub realm: String,
    /// Resource types, the built-in one included where none is mentioned.
    pub resource_types: Vec<ResourceType>,
    /// Policy sets.
    pub policy_sets: Vec<PolicySet>,
    /// Policies, each with its place in the document.
    pub policies: Vec<(usize, Policy)>,
    /// Why the other objects are left out. Paths point into the document.
    pub faults: Vec<Fault>,
    /// What was taken although a REST call would refuse it.
    pub warnings: Vec<Fault>,
}

const ARRAYS: [(&str, &str); 6] = [
    ("resourceTypes", "resourcetype"),
    ("applications", "policyset"),
    ("policies", "policy"),
    ("scripts", "script"),
    ("users", "user"),
    ("groups", "group"),
];

impl Document {
    /// Reads a document of either form. The warnings name the [members](Self::others) that are none of its own.
    ///
    /// # Errors
    /// Not JSON, not an object, or a member that is no array (frodo: no object).
    pub fn parse(bytes: &[u8]) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        let fault = |code, path: &str, message: String| {
            vec![Fault {
                code,
                path: path.to_owned(),
                message,
            }]
        };
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|e| fault(FaultCode::BadJson, "", format!("not valid JSON: {e}")))?;
        let Value::Object(mut members) = value else {
            return Err(fault(
                FaultCode::WrongType,
                "",
                "must be an object".to_owned(),
            ));
        };
        let frodo = ARRAYS.iter().any(|(_, frodo)| members.contains_key(*frodo));
        let realm = match members.remove("realm") {
            None | Some(Value::Null) => "/".to_owned(),
            Some(Value::String(realm)) if realm.starts_with('/') => realm,
            Some(_) => {
                let message = "must be a realm's path, such as `/` or `/sub`".to_owned();
                return Err(fault(FaultCode::Invalid, "/realm", message));
            }
        };
        let mut faults = Vec::new();
        let mut take = |(plain, of_frodo): (&str, &str)| {
            let name = if frodo { of_frodo } else { plain };
            match members.remove(name) {
                None | Some(Value::Null) => (None, Form::Absent),
                Some(Value::Array(items)) => (Some(items), Form::Array),
                Some(Value::Object(by_id)) => {
                    let (ids, items) = by_id.into_iter().unzip();
                    (Some(items), Form::ById(ids))
                }
                Some(_) => {
                    let message = "must be an array of objects".to_owned();
                    faults.extend(fault(FaultCode::WrongType, &format!("/{name}"), message));
                    (None, Form::Absent)
                }
            }
        };
        let mut taken = ARRAYS.map(&mut take);
        let forms = taken.each_mut().map(|(_, form)| std::mem::take(form));
        let [types, sets, policies, scripts, users, groups] = taken.map(|(items, _)| items);
        let document = Self {
            realm,
            resource_types: types,
            applications: sets.unwrap_or_default(),
            policies: policies.unwrap_or_default(),
            scripts: scripts.unwrap_or_default(),
            users: users.unwrap_or_default(),
            groups: groups.unwrap_or_default(),
            others: members,
            forms,
        };
        if !faults.is_empty() {
            return Err(faults);
        }
        let warnings = unknown_members(&document.others);
        Ok((document, warnings))
    }

    /// Whether the document has one of the arrays, empty or not.
    pub fn holds(&self, array: &str) -> bool {
        self.form(array)
            .is_some_and(|(_, form)| *form != Form::Absent)
    }

    /// Where an object of one of the arrays is in the document as it was written, as a JSON pointer (RFC 6901): a file of
    /// frodo's has its objects by id.
    pub fn place(&self, array: &str, index: usize) -> String {
        match self.form(array) {
            Some((frodo, Form::ById(ids))) => {
                let id = ids.get(index).map(String::as_str).unwrap_or_default();
                format!("/{frodo}/{}", id.replace('~', "~0").replace('/', "~1"))
            }
            _ => format!("/{array}/{index}"),
        }
    }

    /// Frodo's name of an array, and how it was written.
    fn form(&self, array: &str) -> Option<(&'static str, &Form)> {
        let mut forms = ARRAYS.iter().zip(&self.forms);
        forms
            .find(|((plain, _), _)| *plain == array)
            .map(|((_, frodo), form)| (*frodo, form))
    }

    /// Reads and checks every resource type, policy set and policy. A policy without a resource
    /// type has that of its set, where that is the only one (as version 1.0 has it).
    pub fn check(&self) -> Checked {
        let mut checked = Checked {
            realm: self.realm.clone(),
            ..Checked::default()
        };
        match &self.resource_types {
            None => checked.resource_types.push(ResourceType::url()),
            Some(types) => checked.read_types(types),
        }
        checked.read_sets(&self.applications);
        checked.read_policies(&self.policies);
        checked
    }
}

impl Checked {
    /// The bundle of the sound policies.
    pub fn bundle(&self) -> Vec<u8> {
        let compiled: Vec<CompiledPolicy> = self
            .policies
            .iter()
            .map(|(_, policy)| compile_policy(policy))
            .collect();
        link(
            &self.realm,
            self.policy_sets.iter().map(|set| set.name.as_str()),
            &compiled,
        )
    }

    fn read_types(&mut self, types: &[Value]) {
        for (index, value) in types.iter().enumerate() {
            let place = format!("/resourceTypes/{index}");
            match ResourceType::parse(value) {
                Ok(kind)
                    if self
                        .resource_types
                        .iter()
                        .any(|known| known.uuid == kind.uuid) =>
                {
                    self.duplicate(&place, "uuid", &kind.uuid);
                }
                Ok(kind) => self.resource_types.push(kind),
                Err(faults) => self.refuse(&place, faults),
            }
        }
    }

    fn read_sets(&mut self, sets: &[Value]) {
        for (index, value) in sets.iter().enumerate() {
            let place = format!("/applications/{index}");
            match PolicySet::parse(value) {
                Ok(set) if self.set(&set.name).is_some() => {
                    self.duplicate(&place, "name", &set.name);
                }
                Ok(mut set) => {
                    if set.resource_types.is_empty() {
                        match inline_type(&set, value) {
                            Some(Ok(kind)) => {
                                set.resource_types.push(kind.uuid.clone());
                                self.resource_types.push(kind);
                            }
                            Some(Err(faults)) => {
                                self.refuse(&place, faults);
                                continue;
                            }
                            None => {}
                        }
                    }
                    self.policy_sets.push(set);
                }
                Err(faults) => self.refuse(&place, faults),
            }
        }
        if self.set(PolicySet::DEFAULT).is_none() {
            let mut default = PolicySet::default_set();
            let types = self.resource_types.iter().map(|kind| kind.uuid.clone());
            default.resource_types = types.collect();
            self.policy_sets.push(default);
        }
    }

    fn read_policies(&mut self, policies: &[Value]) {
        let mut names = std::collections::HashSet::new();
        for (index, value) in policies.iter().enumerate() {
            let place = format!("/policies/{index}");
            let mut policy = match Policy::parse(value) {
                Ok(policy) => policy,
                Err(faults) => {
                    self.refuse(&place, faults);
                    continue;
                }
            };
            if !names.insert(fold(&policy.name).into_owned()) {
                self.duplicate(&place, "name", &policy.name);
                continue;
            }
            let Some(set) = self.set(&policy.policy_set) else {
                let message = format!("no policy set `{}`", policy.policy_set);
                self.faults.push(Fault {
                    code: FaultCode::UnknownReference,
                    path: place + "/applicationName",
                    message,
                });
                continue;
            };
            if let ([only], None) = (set.resource_types.as_slice(), &policy.resource_type) {
                policy.resource_type = Some(only.clone());
            }
            let found = policy.check_against(set, &self.resource_types);
            let (unlisted, faults): (Vec<Fault>, Vec<Fault>) = found
                .into_iter()
                .partition(|fault| fault.code == FaultCode::NotAllowed);
            let kept = unlisted.into_iter().chain(policy.check_legacy());
            self.warnings.extend(kept.map(|fault| fault.within(&place)));
            if faults.is_empty() {
                self.policies.push((index, policy));
            } else {
                self.refuse(&place, faults);
            }
        }
    }

    fn set(&self, name: &str) -> Option<&PolicySet> {
        let name = fold(name);
        self.policy_sets.iter().find(|set| fold(&set.name) == name)
    }

    fn refuse(&mut self, place: &str, faults: Vec<Fault>) {
        self.faults
            .extend(faults.into_iter().map(|fault| fault.within(place)));
    }

    fn duplicate(&mut self, place: &str, member: &str, name: &str) {
        self.faults.push(Fault {
            code: FaultCode::Duplicate,
            path: format!("{place}/{member}"),
            message: format!("`{name}` is there twice"),
        });
    }
}

/// The resource type that a policy set of version 1.0 describes with its own `actions` and
/// `resources`.
fn inline_type(set: &PolicySet, json: &Value) -> Option<Result<ResourceType, Vec<Fault>>> {
    let (actions, resources) = (json.get("actions")?, json.get("resources")?);
    let mut kind = Map::new();
    kind.insert(
        "uuid".to_owned(),
        Value::String(format!("{}ResourceType", set.name)),
    );
    kind.insert(
        "name".to_owned(),
        Value::String(format!("{}ResourceType", set.name)),
    );
    kind.insert("patterns".to_owned(), resources.clone());
    kind.insert("actions".to_owned(), actions.clone());
    Some(ResourceType::parse(&Value::Object(kind)))
}

fn unknown_members(members: &Map<String, Value>) -> Vec<Fault> {
    members
        .keys()
        .filter(|name| *name != "meta")
        .map(|name| Fault {
            code: FaultCode::UnknownMember,
            path: format!("/{name}"),
            message: format!("`{name}` is not read"),
        })
        .collect()
}
