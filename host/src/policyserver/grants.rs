//! Claims in, roles and permissions out (seed 000's runtime).

use std::collections::{BTreeSet, HashSet};

use super::entry::{Assignee, Policy, RoleId};
use super::hierarchy::Hierarchy;

/// What is said about the user who asks: claims, each with a type and a value.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    claims: HashSet<(String, String)>,
    subject: Option<String>,
}

/// Claims that no one user can have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ClaimsError {
    /// More than one `sub`.
    TooManySubjects,
    /// More than one `tenant`.
    TooManyTenants,
}

impl Claims {
    /// # Errors
    /// [`ClaimsError`] where they are about several users, or name one several times.
    pub(crate) fn of(
        claims: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ClaimsError> {
        let claims: Vec<(String, String)> = claims.into_iter().collect();
        let values = |wanted: &str| {
            let of_type = claims.iter().filter(|(r#type, _)| r#type == wanted);
            of_type.map(|(_, value)| value).collect::<Vec<_>>()
        };
        if values("tenant").len() > 1 {
            return Err(ClaimsError::TooManyTenants);
        }
        let subject = match values("sub").as_slice() {
            [] => None,
            [one] => Some((*one).clone()),
            _ => return Err(ClaimsError::TooManySubjects),
        };
        Ok(Claims {
            claims: claims.into_iter().collect(),
            subject,
        })
    }

    fn has(&self, r#type: &str, value: &str) -> bool {
        self.claims.contains(&(r#type.to_owned(), value.to_owned()))
    }

    fn fit(&self, assignee: &Assignee) -> bool {
        match assignee {
            Assignee::Subject { sub } => self.subject.as_ref() == Some(sub),
            Assignee::Role { role } => self.has("role", role),
            Assignee::Claim { r#type, value } => self.has(r#type, value),
        }
    }
}

/// What somebody has: names, sorted, each once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Grants {
    pub(crate) roles: BTreeSet<String>,
    pub(crate) permissions: BTreeSet<String>,
}

/// What the claims give along a way from the top down: each policy adds its roles and permissions to those above it.
pub(crate) fn grants(hierarchy: &Hierarchy, way: &[&Policy], claims: &Claims) -> Grants {
    let mut grants = Grants::default();
    let mut held: HashSet<&RoleId> = HashSet::new();
    for policy in way {
        for role in hierarchy.roles_of(&policy.id) {
            let mut assignments = hierarchy.assignments_of(&role.id);
            if assignments.any(|assignment| claims.fit(&assignment.assignee)) {
                held.insert(&role.id);
                grants.roles.insert(role.label.name.clone());
            }
        }
        for permission in hierarchy.permissions_of(&policy.id) {
            if permission.roles.iter().any(|role| held.contains(role)) {
                grants.permissions.insert(permission.label.name.clone());
            }
        }
    }
    grants
}

/// The paths of the policies beneath a way in which the claims give anything, what is held from above included: names
/// joined by `/`, in order. `way` is empty for the top.
pub(crate) fn policies_with_grants(
    hierarchy: &Hierarchy,
    way: &[&Policy],
    claims: &Claims,
    reach: Reach,
) -> Vec<String> {
    let mut found = Vec::new();
    let parent = way.last().map(|policy| &policy.id);
    for child in hierarchy.children(parent) {
        let further: Vec<&Policy> = way.iter().copied().chain([child]).collect();
        if grants(hierarchy, &further, claims) != Grants::default() {
            let names: Vec<&str> = further.iter().map(|p| p.label.name.as_str()).collect();
            found.push(names.join("/"));
        }
        if reach == Reach::Descendants {
            found.extend(policies_with_grants(hierarchy, &further, claims, reach));
        }
    }
    found
}

/// How far beneath a policy is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Children,
    Descendants,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::super::entry::{
        Assignment, AssignmentId, Label, Permission, PermissionId, PolicyId, Role,
    };
    use super::*;
    use crate::store::Write;

    fn label(name: &str) -> Label {
        Label {
            name: name.to_owned(),
            description: String::new(),
        }
    }

    fn policy(id: &str, parent: Option<&str>) -> Policy {
        Policy {
            id: PolicyId::from(id),
            parent: parent.map(PolicyId::from),
            label: label(id),
            revision: 0,
        }
    }

    fn role(id: &str, policy: &str) -> Role {
        Role {
            id: RoleId::from(id),
            policy: PolicyId::from(policy),
            label: label(id),
            revision: 0,
        }
    }

    fn permission(id: &str, policy: &str, roles: &[&str]) -> Permission {
        Permission {
            id: PermissionId::from(id),
            policy: PolicyId::from(policy),
            label: label(id),
            revision: 0,
            roles: roles.iter().map(|role| RoleId::from(*role)).collect(),
        }
    }

    fn assignment(id: &str, role: &str, assignee: Assignee) -> Assignment {
        Assignment {
            id: AssignmentId::from(id),
            role: RoleId::from(role),
            assignee,
            revision: 0,
        }
    }

    /// hospital (doctor by sub 1, nurse by identity role; ward-round) / pharmacy (chemist by claim; prescribe for doctors)
    /// / store (nothing for anybody).
    fn hospital() -> Hierarchy {
        let sub = |sub: &str| Assignee::Subject {
            sub: sub.to_owned(),
        };
        Hierarchy::of(
            vec![
                policy("hospital", None),
                policy("pharmacy", Some("hospital")),
                policy("store", Some("pharmacy")),
                policy("lost", Some("nowhere")),
            ],
            vec![
                role("doctor", "hospital"),
                role("nurse", "hospital"),
                role("chemist", "pharmacy"),
                role("ghost", "lost"),
            ],
            vec![
                permission("ward-round", "hospital", &["doctor", "nurse"]),
                permission("prescribe", "pharmacy", &["doctor"]),
                permission("dispense", "pharmacy", &["chemist"]),
                permission("haunt", "lost", &["ghost"]),
            ],
            vec![
                assignment("a", "doctor", sub("1")),
                assignment(
                    "b",
                    "nurse",
                    Assignee::Role {
                        role: "Nursing".into(),
                    },
                ),
                assignment(
                    "c",
                    "chemist",
                    Assignee::Claim {
                        r#type: "department".into(),
                        value: "pharmacy".into(),
                    },
                ),
                assignment("d", "ghost", sub("1")),
                assignment("e", "missing", sub("1")),
            ],
        )
    }

    fn claims(claims: &[(&str, &str)]) -> Claims {
        let owned = claims
            .iter()
            .map(|(t, v)| ((*t).to_owned(), (*v).to_owned()));
        Claims::of(owned).unwrap()
    }

    fn given(path: &[&str], said: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let hierarchy = hospital();
        let way = hierarchy.along(path).unwrap();
        let grants = grants(&hierarchy, &way, &claims(said));
        (
            grants.roles.into_iter().collect(),
            grants.permissions.into_iter().collect(),
        )
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn roles_and_permissions_accumulate_along_the_path() {
        let at_the_top = given(&["hospital"], &[("sub", "1")]);
        assert_eq!(at_the_top, (names(&["doctor"]), names(&["ward-round"])));
        let beneath = given(&["Hospital", "PHARMACY"], &[("sub", "1")]);
        let both = names(&["prescribe", "ward-round"]);
        assert_eq!(beneath, (names(&["doctor"]), both));
        let said = [("role", "Nursing"), ("department", "pharmacy")];
        let claimed = given(&["hospital", "pharmacy", "store"], &said);
        let both = (
            names(&["chemist", "nurse"]),
            names(&["dispense", "ward-round"]),
        );
        assert_eq!(claimed, both);
    }

    #[test]
    fn values_are_compared_exactly_and_nothing_is_given_to_strangers() {
        for said in [
            &[("sub", "2")][..],
            &[("role", "nursing")],
            &[("Department", "pharmacy")],
            &[],
        ] {
            let given = given(&["hospital", "pharmacy"], said);
            assert_eq!(given, (Vec::new(), Vec::new()), "{said:?}");
        }
    }

    #[test]
    fn one_user_has_one_id_and_one_tenant() {
        let of = |said: &[(&str, &str)]| {
            let owned = said.iter().map(|(t, v)| ((*t).to_owned(), (*v).to_owned()));
            Claims::of(owned).map(drop)
        };
        let twice = of(&[("sub", "1"), ("sub", "2")]);
        assert_eq!(twice, Err(ClaimsError::TooManySubjects));
        let tenants = of(&[("tenant", "a"), ("tenant", "b")]);
        assert_eq!(tenants, Err(ClaimsError::TooManyTenants));
        let the_same = of(&[("sub", "1"), ("sub", "1")]);
        assert_eq!(the_same, Err(ClaimsError::TooManySubjects));
        assert_eq!(
            of(&[("sub", "1"), ("role", "a"), ("role", "b"), ("role", "a")]),
            Ok(())
        );
    }

    #[test]
    fn what_hangs_in_the_air_is_reached_by_no_path() {
        let hierarchy = hospital();
        assert!(hierarchy.along(&["lost"]).is_none());
        assert!(hierarchy.way_to(&PolicyId::from("lost")).is_none());
        let way = hierarchy.way_to(&PolicyId::from("store")).unwrap();
        let way: Vec<&str> = way.iter().map(|policy| policy.id.as_str()).collect();
        assert_eq!(way, ["hospital", "pharmacy", "store"]);
    }

    #[test]
    fn policies_are_listed_where_the_user_has_anything() {
        let hierarchy = hospital();
        let doctor = claims(&[("sub", "1")]);
        let list = |way: &[&Policy], claims: &Claims, reach| {
            policies_with_grants(&hierarchy, way, claims, reach)
        };
        assert_eq!(list(&[], &doctor, Reach::Children), ["hospital"]);
        let all = ["hospital", "hospital/pharmacy", "hospital/pharmacy/store"];
        assert_eq!(list(&[], &doctor, Reach::Descendants), all);
        let way = hierarchy.along(&["hospital"]).unwrap();
        assert_eq!(list(&way, &doctor, Reach::Children), ["hospital/pharmacy"]);
        let nurse = claims(&[("role", "Nursing")]);
        assert_eq!(list(&way, &nurse, Reach::Children), ["hospital/pharmacy"]);
        let chemist = claims(&[("department", "pharmacy")]);
        assert!(list(&[], &chemist, Reach::Children).is_empty());
        let beneath = ["hospital/pharmacy", "hospital/pharmacy/store"];
        assert_eq!(list(&[], &chemist, Reach::Descendants), beneath);
    }

    #[test]
    fn a_cascade_leaves_nothing_behind() {
        let hierarchy = hospital();
        let written = |writes: Vec<Write>| {
            let is_step = |write: &&Write| matches!(write, Write::Put(..) | Write::Delete { .. });
            writes.iter().filter(is_step).count()
        };
        // Three policies, three roles, three permissions, three assignments.
        let all = hierarchy.delete_policy(&PolicyId::from("hospital"));
        assert_eq!(written(all), 12);
        let doctor = hierarchy.role(&RoleId::from("doctor")).unwrap();
        // One assignment, two permissions that lose it, itself.
        assert_eq!(written(hierarchy.delete_role(doctor, 0)), 4);
    }
}
