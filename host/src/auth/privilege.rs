//! AM's privileges: what each opens, as endpoint and verb (`management-rest.md` §3.3).
//!
//! AM checks a REST request against the permission `<realm>/rest/1.0/<endpoint>/<verb>`. A group of a realm grants
//! privileges to its members (`delegation`), and a privilege opens permissions in that realm and beneath it. The two
//! tables [`Verb::of_action`] and [`Privilege::opens`] are the whole of it.

use super::endpoint::Endpoint::{self, *};
use super::endpoint::{Permission, Verb};

/// A privilege that a group of a realm can grant, by the name that it has in a group's `privileges`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::enum_variant_names,
    reason = "AM calls its policies privileges in two of the names"
)]
pub(crate) enum Privilege {
    RealmAdmin,
    PolicyAdmin,
    /// "REST calls for policy evaluation".
    EntitlementRestAccess,
    PrivilegeRestReadAccess,
    PrivilegeRestAccess,
    ApplicationReadAccess,
    ApplicationModifyAccess,
    ResourceTypeReadAccess,
    ResourceTypeModifyAccess,
    ApplicationTypesReadAccess,
    ConditionTypesReadAccess,
    SubjectTypesReadAccess,
    DecisionCombinersReadAccess,
    SubjectAttributesReadAccess,
    RealmReadAccess,
    SessionPropertyModifyAccess,
    /// This one and all below it open nothing here: they are kept and shown because AM's groups have them.
    AgentAdmin,
    CacheAdmin,
    FederationAdmin,
    LogAdmin,
    LogRead,
    LogWrite,
}

/// What a privilege opens.
enum Opens {
    Everything,
    Nothing,
    Verbs(&'static [(Endpoint, &'static [Verb])]),
}

const READ: &[Verb] = &[Verb::Read];
const MODIFY: &[Verb] = &[Verb::Modify];
const BOTH: &[Verb] = &[Verb::Read, Verb::Modify];
const SESSION_PROPERTIES: &[Verb] = &[
    Verb::Action("getPropertyNames"),
    Verb::Action("getProperty"),
    Verb::Action("setProperty"),
    Verb::Action("deleteProperty"),
];

impl Privilege {
    pub(crate) const ALL: [Privilege; 22] = [
        Privilege::RealmAdmin,
        Privilege::PolicyAdmin,
        Privilege::EntitlementRestAccess,
        Privilege::PrivilegeRestReadAccess,
        Privilege::PrivilegeRestAccess,
        Privilege::ApplicationReadAccess,
        Privilege::ApplicationModifyAccess,
        Privilege::ResourceTypeReadAccess,
        Privilege::ResourceTypeModifyAccess,
        Privilege::ApplicationTypesReadAccess,
        Privilege::ConditionTypesReadAccess,
        Privilege::SubjectTypesReadAccess,
        Privilege::DecisionCombinersReadAccess,
        Privilege::SubjectAttributesReadAccess,
        Privilege::RealmReadAccess,
        Privilege::SessionPropertyModifyAccess,
        Privilege::AgentAdmin,
        Privilege::CacheAdmin,
        Privilege::FederationAdmin,
        Privilege::LogAdmin,
        Privilege::LogRead,
        Privilege::LogWrite,
    ];

    /// The name in a group's `privileges`. Never change one: stores hold it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Privilege::RealmAdmin => "RealmAdmin",
            Privilege::PolicyAdmin => "PolicyAdmin",
            Privilege::EntitlementRestAccess => "EntitlementRestAccess",
            Privilege::PrivilegeRestReadAccess => "PrivilegeRestReadAccess",
            Privilege::PrivilegeRestAccess => "PrivilegeRestAccess",
            Privilege::ApplicationReadAccess => "ApplicationReadAccess",
            Privilege::ApplicationModifyAccess => "ApplicationModifyAccess",
            Privilege::ResourceTypeReadAccess => "ResourceTypeReadAccess",
            Privilege::ResourceTypeModifyAccess => "ResourceTypeModifyAccess",
            Privilege::ApplicationTypesReadAccess => "ApplicationTypesReadAccess",
            Privilege::ConditionTypesReadAccess => "ConditionTypesReadAccess",
            Privilege::SubjectTypesReadAccess => "SubjectTypesReadAccess",
            Privilege::DecisionCombinersReadAccess => "DecisionCombinersReadAccess",
            Privilege::SubjectAttributesReadAccess => "SubjectAttributesReadAccess",
            Privilege::RealmReadAccess => "RealmReadAccess",
            Privilege::SessionPropertyModifyAccess => "SessionPropertyModifyAccess",
            Privilege::AgentAdmin => "AgentAdmin",
            Privilege::CacheAdmin => "CacheAdmin",
            Privilege::FederationAdmin => "FederationAdmin",
            Privilege::LogAdmin => "LogAdmin",
            Privilege::LogRead => "LogRead",
            Privilege::LogWrite => "LogWrite",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Privilege> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    fn opens(self) -> Opens {
        use Opens::Verbs;
        match self {
            Privilege::RealmAdmin => Opens::Everything,
            // Not evaluation: who writes policies does not thereby ask for the decisions about others.
            Privilege::PolicyAdmin => Verbs(&[
                (Policies, BOTH),
                (Applications, BOTH),
                (ResourceTypes, BOTH),
                (Bundles, BOTH),
                (ApplicationTypes, READ),
                (ConditionTypes, READ),
                (SubjectTypes, READ),
                (DecisionCombiners, READ),
                (SubjectAttributes, READ),
                (Realms, READ),
                (Sessions, SESSION_PROPERTIES),
            ]),
            Privilege::EntitlementRestAccess => Verbs(&[(Policies, &[Verb::Evaluate])]),
            // A bundle holds policies, and nothing of them that could not be read one by one.
            Privilege::PrivilegeRestReadAccess => Verbs(&[(Policies, READ), (Bundles, READ)]),
            Privilege::PrivilegeRestAccess => Verbs(&[(Policies, MODIFY)]),
            Privilege::ApplicationReadAccess => Verbs(&[(Applications, READ)]),
            Privilege::ApplicationModifyAccess => Verbs(&[(Applications, MODIFY)]),
            Privilege::ResourceTypeReadAccess => Verbs(&[(ResourceTypes, READ)]),
            Privilege::ResourceTypeModifyAccess => Verbs(&[(ResourceTypes, MODIFY)]),
            Privilege::ApplicationTypesReadAccess => Verbs(&[(ApplicationTypes, READ)]),
            Privilege::ConditionTypesReadAccess => Verbs(&[(ConditionTypes, READ)]),
            Privilege::SubjectTypesReadAccess => Verbs(&[(SubjectTypes, READ)]),
            Privilege::DecisionCombinersReadAccess => Verbs(&[(DecisionCombiners, READ)]),
            Privilege::SubjectAttributesReadAccess => Verbs(&[(SubjectAttributes, READ)]),
            Privilege::RealmReadAccess => Verbs(&[(Realms, READ)]),
            Privilege::SessionPropertyModifyAccess => Verbs(&[(Sessions, SESSION_PROPERTIES)]),
            Privilege::AgentAdmin
            | Privilege::CacheAdmin
            | Privilege::FederationAdmin
            | Privilege::LogAdmin
            | Privilege::LogRead
            | Privilege::LogWrite => Opens::Nothing,
        }
    }

    fn open(self, permission: Permission) -> bool {
        match self.opens() {
            Opens::Everything => true,
            Opens::Nothing => false,
            Opens::Verbs(list) => list.iter().any(|(endpoint, verbs)| {
                *endpoint == permission.endpoint && verbs.contains(&permission.verb)
            }),
        }
    }

    fn bit(self) -> u32 {
        1 << (self as u32)
    }
}

/// A set of privileges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Privileges(u32);

impl Privileges {
    pub(crate) const NONE: Privileges = Privileges(0);

    pub(crate) fn contains(self, privilege: Privilege) -> bool {
        self.0 & privilege.bit() != 0
    }

    /// The set with `other` added to it.
    pub(crate) fn and(self, other: Privileges) -> Privileges {
        Privileges(self.0 | other.0)
    }

    /// Those of the set, in the order of [`Privilege::ALL`].
    pub(crate) fn iter(self) -> impl Iterator<Item = Privilege> {
        Privilege::ALL
            .into_iter()
            .filter(move |privilege| self.contains(*privilege))
    }

    /// Whether any of them opens a permission.
    pub(crate) fn open(self, permission: Permission) -> bool {
        self.iter().any(|privilege| privilege.open(permission))
    }

    /// What they open: every permission that changes or decides something, reads something, or sets properties of
    /// sessions. The other actions show what can be read.
    pub(crate) fn opened(self) -> impl Iterator<Item = Permission> {
        let verbs = [Verb::Read, Verb::Modify, Verb::Evaluate];
        let verbs = verbs.into_iter().chain(SESSION_PROPERTIES.iter().copied());
        let all = Endpoint::ALL.into_iter();
        let all = all.flat_map(move |endpoint| {
            let verbs = verbs.clone();
            verbs.map(move |verb| Permission::new(endpoint, verb))
        });
        all.filter(move |permission| self.open(*permission))
    }

    /// Whether policy sets may be changed: beyond the permission AM asks for one who administers policies.
    pub(crate) fn administer_policies(self) -> bool {
        self.contains(Privilege::PolicyAdmin) || self.contains(Privilege::RealmAdmin)
    }
}

impl FromIterator<Privilege> for Privileges {
    fn from_iter<I: IntoIterator<Item = Privilege>>(list: I) -> Self {
        Privileges(
            list.into_iter()
                .fold(0, |set, privilege| set | privilege.bit()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERBS: [Verb; 5] = [
        Verb::Read,
        Verb::Modify,
        Verb::Evaluate,
        Verb::Action("schema"),
        Verb::Action("setProperty"),
    ];

    /// Everything that a set of privileges opens, written as `endpoint:verbs` with `r`, `m`, `e`, `s`, `p`.
    fn opened(privileges: Privileges) -> String {
        let mut all = Vec::new();
        for endpoint in Endpoint::ALL {
            let verbs: String = VERBS
                .into_iter()
                .zip("rmesp".chars())
                .filter(|(verb, _)| privileges.open(Permission::new(endpoint, *verb)))
                .map(|(_, letter)| letter)
                .collect();
            if !verbs.is_empty() {
                all.push(format!("{endpoint:?}:{verbs}"));
            }
        }
        all.join(" ")
    }

    #[test]
    fn each_privilege_opens_what_the_table_says() {
        let mut seen = 0;
        for (privilege, want) in [
            (
                Privilege::PolicyAdmin,
                "Policies:rm Applications:rm ResourceTypes:rm ApplicationTypes:r ConditionTypes:r \
              SubjectTypes:r DecisionCombiners:r SubjectAttributes:r Realms:r Sessions:p Bundles:rm",
            ),
            (Privilege::EntitlementRestAccess, "Policies:e"),
            (Privilege::PrivilegeRestReadAccess, "Policies:r Bundles:r"),
            (Privilege::PrivilegeRestAccess, "Policies:m"),
            (Privilege::ApplicationReadAccess, "Applications:r"),
            (Privilege::ApplicationModifyAccess, "Applications:m"),
            (Privilege::ResourceTypeReadAccess, "ResourceTypes:r"),
            (Privilege::ResourceTypeModifyAccess, "ResourceTypes:m"),
            (Privilege::ApplicationTypesReadAccess, "ApplicationTypes:r"),
            (Privilege::ConditionTypesReadAccess, "ConditionTypes:r"),
            (Privilege::SubjectTypesReadAccess, "SubjectTypes:r"),
            (
                Privilege::DecisionCombinersReadAccess,
                "DecisionCombiners:r",
            ),
            (
                Privilege::SubjectAttributesReadAccess,
                "SubjectAttributes:r",
            ),
            (Privilege::RealmReadAccess, "Realms:r"),
            (Privilege::SessionPropertyModifyAccess, "Sessions:p"),
            (Privilege::AgentAdmin, ""),
            (Privilege::CacheAdmin, ""),
            (Privilege::FederationAdmin, ""),
            (Privilege::LogAdmin, ""),
            (Privilege::LogRead, ""),
            (Privilege::LogWrite, ""),
        ] {
            assert_eq!(
                opened(Privileges::from_iter([privilege])),
                want,
                "{privilege:?}"
            );
            seen += 1;
        }
        let everything = opened(Privileges::from_iter([Privilege::RealmAdmin]));
        assert_eq!(everything.matches(":rmesp").count(), Endpoint::ALL.len());
        assert_eq!(seen + 1, Privilege::ALL.len());
        assert_eq!(opened(Privileges::NONE), "");
    }

    #[test]
    fn what_is_opened_is_listed() {
        let count = |privilege| Privileges::from_iter([privilege]).opened().count();
        for (privilege, permissions) in [
            (Privilege::RealmAdmin, Endpoint::ALL.len() * 7),
            (Privilege::EntitlementRestAccess, 1),
            (Privilege::PrivilegeRestReadAccess, 2),
            (Privilege::SessionPropertyModifyAccess, 4),
            (Privilege::LogRead, 0),
        ] {
            assert_eq!(count(privilege), permissions, "{privilege:?}");
        }
        let evaluates = Privileges::from_iter([Privilege::EntitlementRestAccess]);
        let all: Vec<_> = evaluates.opened().collect();
        assert_eq!(all, [Permission::new(Policies, Verb::Evaluate)]);
    }

    #[test]
    fn names_are_read_back_and_sets_hold_what_was_put_in() {
        for privilege in Privilege::ALL {
            assert_eq!(Privilege::named(privilege.name()), Some(privilege));
            let one = Privileges::from_iter([privilege]);
            assert_eq!(one.iter().collect::<Vec<_>>(), [privilege]);
            assert_eq!(Privileges::NONE.and(one), one);
        }
        assert_eq!(Privilege::named("realmadmin"), None);
        assert_eq!(Privileges::from_iter(Privilege::ALL).iter().count(), 22);
    }
}
