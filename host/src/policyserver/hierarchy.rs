//! Policies, roles, permissions and assignments at one revision of the store, in memory.
//!
//! INVARIANT: what hangs in the air grants nothing. A policy whose parent is missing, and whatever lies beneath it, is
//! reachable by no path; a role, permission or assignment whose policy or role is missing is not looked at.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;

use crate::limits::HIERARCHY_DEPTH;
use crate::store::snapshots::{Snapshot, Snapshots};
use crate::store::{Kind, Object, StoreError, Unreferred, View, Write};

use super::entry::{
    Assignment, AssignmentId, Entry, Permission, PermissionId, Policy, PolicyId, Role, RoleId,
    realm_key,
};

/// The hierarchy, kept up with the store.
pub(crate) type Hierarchies = Snapshots<Hierarchy>;

/// The whole hierarchy.
#[derive(Default)]
pub(crate) struct Hierarchy {
    policies: HashMap<PolicyId, Policy>,
    roles: HashMap<RoleId, Role>,
    permissions: HashMap<PermissionId, Permission>,
    assignments: HashMap<AssignmentId, Assignment>,
    /// Children in order of their names; `None` is the top.
    children: HashMap<Option<PolicyId>, Vec<PolicyId>>,
    roles_of: HashMap<PolicyId, Vec<RoleId>>,
    permissions_of: HashMap<PolicyId, Vec<PermissionId>>,
    assignments_of: HashMap<RoleId, Vec<AssignmentId>>,
}

impl Hierarchy {
    /// A hierarchy of these entries.
    pub(crate) fn of(
        policies: Vec<Policy>,
        roles: Vec<Role>,
        permissions: Vec<Permission>,
        assignments: Vec<Assignment>,
    ) -> Self {
        let mut hierarchy = Hierarchy::default();
        for policy in by_name(policies, |policy| &policy.label.name) {
            let siblings = hierarchy.children.entry(policy.parent.clone());
            siblings.or_default().push(policy.id.clone());
            hierarchy.policies.insert(policy.id.clone(), policy);
        }
        for role in by_name(roles, |role| &role.label.name) {
            let siblings = hierarchy.roles_of.entry(role.policy.clone());
            siblings.or_default().push(role.id.clone());
            hierarchy.roles.insert(role.id.clone(), role);
        }
        for permission in by_name(permissions, |permission| &permission.label.name) {
            let siblings = hierarchy.permissions_of.entry(permission.policy.clone());
            siblings.or_default().push(permission.id.clone());
            hierarchy
                .permissions
                .insert(permission.id.clone(), permission);
        }
        let mut assignments = assignments;
        assignments.sort_by(|a, b| (&a.assignee, &a.id).cmp(&(&b.assignee, &b.id)));
        for assignment in assignments {
            let siblings = hierarchy.assignments_of.entry(assignment.role.clone());
            siblings.or_default().push(assignment.id.clone());
            hierarchy
                .assignments
                .insert(assignment.id.clone(), assignment);
        }
        hierarchy
    }

    /// How much there is: policies, roles, permissions and assignments.
    pub(crate) fn len(&self) -> usize {
        let (policies, roles) = (self.policies.len(), self.roles.len());
        policies + roles + self.permissions.len() + self.assignments.len()
    }

    pub(crate) fn policy(&self, id: &PolicyId) -> Option<&Policy> {
        self.policies.get(id)
    }

    pub(crate) fn role(&self, id: &RoleId) -> Option<&Role> {
        self.roles.get(id)
    }

    pub(crate) fn permission(&self, id: &PermissionId) -> Option<&Permission> {
        self.permissions.get(id)
    }

    pub(crate) fn assignment(&self, id: &AssignmentId) -> Option<&Assignment> {
        self.assignments.get(id)
    }

    /// Policies directly beneath one, or at the top, by name.
    pub(crate) fn children(&self, parent: Option<&PolicyId>) -> impl Iterator<Item = &Policy> {
        let ids = self.children.get(&parent.cloned());
        ids.into_iter().flatten().filter_map(|id| self.policy(id))
    }

    /// Roles that a policy defines, by name.
    pub(crate) fn roles_of(&self, policy: &PolicyId) -> impl Iterator<Item = &Role> {
        let ids = self.roles_of.get(policy);
        ids.into_iter().flatten().filter_map(|id| self.role(id))
    }

    /// Permissions that a policy defines, by name.
    pub(crate) fn permissions_of(&self, policy: &PolicyId) -> impl Iterator<Item = &Permission> {
        let ids = self.permissions_of.get(policy);
        ids.into_iter()
            .flatten()
            .filter_map(|id| self.permission(id))
    }

    /// Assignments of a role: users first, then identity roles, then claims, by value.
    pub(crate) fn assignments_of(&self, role: &RoleId) -> impl Iterator<Item = &Assignment> {
        let ids = self.assignments_of.get(role);
        ids.into_iter()
            .flatten()
            .filter_map(|id| self.assignment(id))
    }

    /// Every assignment, in no order.
    pub(crate) fn assignments(&self) -> impl Iterator<Item = &Assignment> {
        self.assignments.values()
    }

    /// The policies along a path of names, from the top: names are compared without regard to case, as they are unique.
    pub(crate) fn along(&self, names: &[&str]) -> Option<Vec<&Policy>> {
        let mut way: Vec<&Policy> = Vec::with_capacity(names.len());
        for name in names {
            let parent = way.last().map(|policy| &policy.id);
            let wanted = name.to_lowercase();
            let next = self
                .children(parent)
                .find(|policy| policy.label.name.to_lowercase() == wanted)?;
            way.push(next);
        }
        Some(way)
    }

    /// The policies from the top down to one; `None` for one that hangs in the air.
    pub(crate) fn way_to(&self, id: &PolicyId) -> Option<Vec<&Policy>> {
        let mut way = vec![self.policy(id)?];
        while let Some(parent) = way.last().and_then(|policy| policy.parent.as_ref()) {
            if way.len() >= HIERARCHY_DEPTH {
                return None;
            }
            way.push(self.policy(parent)?);
        }
        way.reverse();
        Some(way)
    }

    /// A policy and all beneath it.
    pub(crate) fn subtree(&self, id: &PolicyId) -> Vec<&Policy> {
        let mut found: Vec<&Policy> = self.policy(id).into_iter().collect();
        let mut next = 0;
        while let Some(policy) = found.get(next) {
            let beneath: Vec<&Policy> = self.children(Some(&policy.id)).collect();
            found.extend(beneath);
            next += 1;
        }
        found
    }

    /// What removes a policy with everything in it and beneath it, and is stopped where something else came to lie there.
    pub(crate) fn delete_policy(&self, id: &PolicyId) -> Vec<Write> {
        let mut writes = Vec::new();
        let doomed = self.subtree(id);
        for policy in doomed.iter().rev() {
            writes.extend(self.permissions_of(&policy.id).map(Entry::delete));
            for role in self.roles_of(&policy.id) {
                writes.extend(self.assignments_of(&role.id).map(Entry::delete));
                writes.push(role.require_none_of::<Assignment>());
                writes.push(role.delete());
            }
            writes.push(policy.require_none_of::<Permission>());
            writes.push(policy.require_none_of::<Role>());
            writes.push(policy.require_none_of::<Policy>());
            writes.push(policy.delete());
        }
        writes
    }

    /// What removes a role with its assignments; permissions that it had lose it. It is stopped where somebody came to
    /// have the role, or a permission to be given to it, later than `as_of`.
    pub(crate) fn delete_role(&self, role: &Role, as_of: u64) -> Vec<Write> {
        let mut writes: Vec<Write> = self.assignments_of(&role.id).map(Entry::delete).collect();
        writes.push(role.require_none_of::<Assignment>());
        writes.push(Write::RequireUnreferred(Unreferred {
            kind: Permission::KIND,
            realm: realm_key(),
            since: as_of,
            to: role.key().to_owned(),
            refers: |object, role| {
                let known = Permission::read(object);
                known.is_some_and(|known| known.roles.iter().any(|own| own.as_str() == role))
            },
        }));
        for policy in self.subtree(&role.policy) {
            for permission in self.permissions_of(&policy.id) {
                if permission.roles.contains(&role.id) {
                    let mut without = permission.clone();
                    without.roles.retain(|id| *id != role.id);
                    writes.extend(without.change());
                }
            }
        }
        writes.push(role.delete());
        writes
    }
}

#[async_trait]
impl Snapshot for Hierarchy {
    const KINDS: &'static [Kind] = &[Policy::KIND, Role::KIND, Permission::KIND, Assignment::KIND];

    async fn read(
        view: &mut dyn View,
        before: &Self,
        changed: &[Kind],
    ) -> Result<Self, StoreError> {
        Ok(Self::of(
            changed_or(view, changed, &before.policies).await?,
            changed_or(view, changed, &before.roles).await?,
            changed_or(view, changed, &before.permissions).await?,
            changed_or(view, changed, &before.assignments).await?,
        ))
    }
}

/// The entries of a kind: read anew where they changed.
async fn changed_or<I: Sync, T: Entry + Clone + Sync>(
    view: &mut dyn View,
    changed: &[Kind],
    before: &HashMap<I, T>,
) -> Result<Vec<T>, StoreError> {
    if changed.contains(&T::KIND) {
        entries(view).await
    } else {
        Ok(before.values().cloned().collect())
    }
}

async fn entries<T: Entry>(view: &mut dyn View) -> Result<Vec<T>, StoreError> {
    let objects = view.objects(T::KIND, &realm_key()).await?;
    let read = |object: &Object| {
        let entry = T::read(object);
        if entry.is_none() {
            let (kind, key) = (T::KIND.name(), &object.key);
            tracing::error!(kind, key, "cannot be read from the store");
        }
        entry
    };
    Ok(objects.iter().filter_map(read).collect())
}

/// Sorted by name: without regard to case first, as people look for them.
fn by_name<T>(entries: Vec<T>, name: impl Fn(&T) -> &String) -> impl Iterator<Item = T> {
    let mut sorted: BTreeMap<(String, String, usize), T> = BTreeMap::new();
    for (at, entry) in entries.into_iter().enumerate() {
        let name = name(&entry);
        sorted.insert((name.to_lowercase(), name.clone(), at), entry);
    }
    sorted.into_values()
}
