use std::collections::BTreeSet;

use super::tree::Tree;
use crate::lang::zone::ZoneName;
use crate::model::{Condition, Policy, Source, is_credential};
use crate::resource::fold;

/// One policy, lowered: everything that its part of a bundle needs, and nothing of the others'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledPolicy {
    pub(super) name: String,
    /// Folded: policy sets are found without regard to case.
    pub(super) policy_set: String,
    pub(super) active: bool,
    pub(super) patterns: Vec<CompiledPattern>,
    pub(super) actions: Vec<(String, bool)>,
    pub(super) subject: Tree,
    pub(super) condition: Option<Tree>,
    pub(super) attributes: Vec<CompiledAttribute>,
    pub(super) zones: Zones,
}

/// A pattern in its normal form, and folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CompiledPattern {
    pub(super) shown: String,
    pub(super) folded: String,
}

/// A response attribute: where its values come from, and the values or attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CompiledAttribute {
    pub(super) name: String,
    pub(super) from_profile: bool,
    pub(super) values: Vec<String>,
}

/// The time zones that a policy may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Zones {
    Named(BTreeSet<&'static str>),
    /// A SimpleTime without a zone of its own takes the requester's, or the server's.
    All,
}

/// Lowers a policy. It has been checked, so nothing can be wrong with it.
pub fn compile_policy(policy: &Policy) -> CompiledPolicy {
    let mut actions = policy.actions.clone();
    actions.sort();
    let mut attributes: Vec<CompiledAttribute> = policy
        .attributes
        .iter()
        .map(|attribute| {
            let (from_profile, values) = match &attribute.source {
                Source::Static(values) => (false, values.clone()),
                Source::Profile(names) => {
                    // A credential is never read: its attribute is an empty list (ruling C16).
                    let names = names.iter().filter(|name| !is_credential(name));
                    (true, names.cloned().collect())
                }
            };
            CompiledAttribute {
                name: attribute.name.clone(),
                from_profile,
                values,
            }
        })
        .collect();
    attributes.sort_by(|a, b| {
        (&a.name, a.from_profile, &a.values).cmp(&(&b.name, b.from_profile, &b.values))
    });
    let mut zones = Zones::Named(BTreeSet::new());
    if let Some(condition) = &policy.condition {
        collect_zones(condition, &mut zones);
    }
    CompiledPolicy {
        name: policy.name.clone(),
        policy_set: fold(&policy.policy_set).into_owned(),
        active: policy.active,
        patterns: policy
            .resources
            .iter()
            .map(|resource| CompiledPattern {
                shown: resource.clone(),
                folded: fold(resource).into_owned(),
            })
            .collect(),
        actions,
        subject: Tree::of_subject(&policy.subject),
        condition: policy.condition.as_ref().map(Tree::of_condition),
        attributes,
        zones,
    }
}

fn collect_zones(condition: &Condition, zones: &mut Zones) {
    match condition {
        Condition::And(children) | Condition::Or(children) => {
            children
                .iter()
                .for_each(|child| collect_zones(child, zones));
        }
        Condition::Not(child) => collect_zones(child, zones),
        Condition::SimpleTime { zone: None, .. } => *zones = Zones::All,
        Condition::SimpleTime {
            zone: Some(ZoneName::Named(name)),
            ..
        } => {
            if let Zones::Named(names) = zones {
                names.insert(name);
            }
        }
        _ => {}
    }
}
