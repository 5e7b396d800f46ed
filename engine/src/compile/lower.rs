use std::collections::BTreeSet;

use super::packed::{Packed, Packer, Unpacker};
use super::tree::Tree;
use crate::evaluate::{FROM_PROFILE, STATIC};
use crate::lang::zone::ZoneName;
use crate::model::{Condition, Policy, Source, is_credential};
use crate::resource::fold;

/// One policy, lowered: everything that its part of a bundle needs, and nothing of the others'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledPolicy(Packed);

/// The beginning of a lowered policy, and the rest that [`super::link`] reads.
pub(super) struct Lowered<'a> {
    pub(super) active: bool,
    pub(super) name: &'a str,
    /// Folded: policy sets are found without regard to case.
    pub(super) policy_set: &'a str,
    /// Zones, subject, condition, actions, attributes and patterns.
    pub(super) rest: Unpacker<'a>,
}

impl CompiledPolicy {
    pub(super) fn read(&self) -> Lowered<'_> {
        let mut rest = self.0.read();
        Lowered {
            active: rest.number() != 0,
            name: rest.text(),
            policy_set: rest.text(),
            rest,
        }
    }
}

/// Lowers a policy. It has been checked, so nothing can be wrong with it.
pub fn compile_policy(policy: &Policy) -> CompiledPolicy {
    let mut to = Packer::default();
    to.number(u32::from(policy.active));
    to.text(&policy.name);
    to.text(&fold(&policy.policy_set));
    pack_zones(policy.condition.as_ref(), &mut to);
    Tree::of_subject(&policy.subject).pack(&mut to);
    to.number(u32::from(policy.condition.is_some()));
    if let Some(condition) = &policy.condition {
        Tree::of_condition(condition).pack(&mut to);
    }
    let mut actions = policy.actions.clone();
    actions.sort();
    to.number(actions.len() as u32);
    for (action, allowed) in &actions {
        to.text(action);
        to.number(u32::from(*allowed));
    }
    pack_attributes(policy, &mut to);
    to.number(policy.resources.len() as u32);
    for resource in &policy.resources {
        let folded = fold(resource);
        to.text(resource);
        to.number(u32::from(folded != *resource));
        if folded != *resource {
            to.text(&folded);
        }
    }
    CompiledPolicy(to.finish())
}

/// A pattern in its normal form, and folded.
pub(super) fn unpack_pattern<'a>(from: &mut Unpacker<'a>) -> (&'a str, &'a str) {
    let shown = from.text();
    match from.number() {
        0 => (shown, shown),
        _ => (shown, from.text()),
    }
}

fn pack_attributes(policy: &Policy, to: &mut Packer) {
    let mut attributes: Vec<(&str, u32, Vec<&str>)> = policy
        .attributes
        .iter()
        .map(|attribute| {
            let name = attribute.name.as_str();
            match &attribute.source {
                Source::Static(values) => {
                    (name, STATIC, values.iter().map(String::as_str).collect())
                }
                Source::Profile(names) => {
                    // A credential is never read: its attribute is an empty list (ruling C16).
                    let names = names.iter().filter(|name| !is_credential(name));
                    (name, FROM_PROFILE, names.map(String::as_str).collect())
                }
            }
        })
        .collect();
    attributes.sort_by(|a, b| {
        let profile_last = |source: u32| source == FROM_PROFILE;
        (a.0, profile_last(a.1), &a.2).cmp(&(b.0, profile_last(b.1), &b.2))
    });
    to.number(attributes.len() as u32);
    for (name, source, values) in &attributes {
        to.number(*source);
        to.text(name);
        to.number(values.len() as u32);
        values.iter().for_each(|value| to.text(value));
    }
}

/// The time zones that policies may ask for.
pub(super) enum Zones<'a> {
    Named(BTreeSet<&'a str>),
    /// A SimpleTime without a zone of its own takes the requester's, or the server's.
    All,
}

/// In place of a number of names: all zones.
const ALL_ZONES: u32 = u32::MAX;

impl<'a> Zones<'a> {
    /// Adds those of a policy.
    pub(super) fn unpack(&mut self, from: &mut Unpacker<'a>) {
        let count = from.number();
        if count == ALL_ZONES {
            *self = Zones::All;
            return;
        }
        for _ in 0..count {
            let name = from.text();
            if let Zones::Named(names) = self {
                names.insert(name);
            }
        }
    }
}

fn pack_zones(condition: Option<&Condition>, to: &mut Packer) {
    let mut zones = Zones::Named(BTreeSet::new());
    if let Some(condition) = condition {
        collect_zones(condition, &mut zones);
    }
    match zones {
        Zones::All => to.number(ALL_ZONES),
        Zones::Named(names) => {
            to.number(names.len() as u32);
            names.iter().for_each(|name| to.text(name));
        }
    }
}

fn collect_zones<'a>(condition: &'a Condition, zones: &mut Zones<'a>) {
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
