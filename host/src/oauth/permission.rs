//! What a role may permit, and how the permission is known elsewhere: one table for all APIs.
//!
//! Every API asks in its own words: AM for privileges, Pexip's for codenames, PolicyServer for audiences and scopes,
//! Elasticsearch for cluster privileges. [`PERMISSIONS`] is the only place that knows how they correspond.

use std::fmt;

use crate::auth::endpoint::{self, Endpoint, Verb};
use crate::auth::privilege::{Privilege, Privileges};

/// Whom a token is for (RFC 9068, the claim `aud`). The names are settings; the meaning is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Audience {
    /// Everything that administers (`policyserver.management`).
    Management,
    /// Everything that decides (`policyserver.runtime`).
    Runtime,
}

/// One thing that a role may permit. Its number is its identity in Pexip's API and in stores: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Permission {
    IsAdmin = 1,
    UseApi = 2,
    EvaluatePolicies = 3,
    ViewPolicies = 4,
    ChangePolicies = 5,
    ViewRealms = 6,
    ChangeRealms = 7,
    ViewUsers = 8,
    ChangeUsers = 9,
    ViewSessions = 10,
    ChangeSessions = 11,
    ViewScripts = 12,
    ChangeScripts = 13,
    ViewBundles = 14,
    ChangeBundles = 15,
    ViewClients = 16,
    ChangeClients = 17,
    ViewAuthentication = 18,
    ChangeAuthentication = 19,
    ManageTokens = 20,
    IntrospectAll = 21,
    ViewRevisions = 22,
    ChangeRevisions = 23,
}

/// A row of the table: one permission in the words of every API.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) permission: Permission,
    /// Pexip's `codename`; also a scope.
    pub(crate) codename: &'static str,
    /// Pexip's `name`.
    pub(crate) name: &'static str,
    /// The audience whose tokens carry it (PolicyServer); none for what tokens of both carry.
    pub(crate) audience: Option<Audience>,
    /// AM's privileges that open the same (`management-rest.md` §3.3). RealmAdmin, which opens everything, is not named.
    pub(crate) am: &'static [Privilege],
    /// Elasticsearch's cluster privilege that says the same; empty where it has none.
    pub(crate) elasticsearch: &'static str,
}

/// One permission a line, so that the table can be read as one.
macro_rules! rows {
    ($($permission:ident $codename:literal $name:literal $audience:expr, [$($am:ident)*], $elasticsearch:literal;)*) => {
        &[$(Row {
            permission: Permission::$permission,
            codename: $codename,
            name: $name,
            audience: $audience,
            am: &[$(Privilege::$am),*],
            elasticsearch: $elasticsearch,
        },)*]
    };
}

const MANAGEMENT: Option<Audience> = Some(Audience::Management);
const RUNTIME: Option<Audience> = Some(Audience::Runtime);

/// The table.
///
/// `is_admin` opens PolicyServer's `/management`, and together with `use_api` Pexip's API; below that each API asks for
/// the permission of what is touched. `all` of Elasticsearch is `is_admin` there. What AM's endpoints ask for is mapped
/// by [`Permission::for_am`].
#[rustfmt::skip]
pub(crate) const PERMISSIONS: &[Row] = rows! {
    IsAdmin              "is_admin"              "Is an administrator"                     MANAGEMENT, [PolicyAdmin], "all";
    UseApi               "use_api"               "May use the API"                         None,       [PolicyAdmin EntitlementRestAccess], "monitor";
    EvaluatePolicies     "evaluate_policies"     "May evaluate policies"                   RUNTIME,    [EntitlementRestAccess], "";
    ViewPolicies         "view_policies"         "May view policies"                       MANAGEMENT, [PolicyAdmin PrivilegeRestReadAccess], "";
    ChangePolicies       "change_policies"       "May modify policies"                     MANAGEMENT, [PolicyAdmin], "";
    ViewRealms           "view_realms"           "May view realms"                         MANAGEMENT, [PolicyAdmin RealmReadAccess], "";
    ChangeRealms         "change_realms"         "May modify realms"                       MANAGEMENT, [], "";
    ViewUsers            "view_users"            "May view users and groups"               MANAGEMENT, [], "read_security";
    ChangeUsers          "change_users"          "May modify users and groups"             MANAGEMENT, [], "manage_security";
    ViewSessions         "view_sessions"         "May view sessions"                       MANAGEMENT, [PolicyAdmin SessionPropertyModifyAccess], "";
    ChangeSessions       "change_sessions"       "May modify and end sessions"             MANAGEMENT, [PolicyAdmin SessionPropertyModifyAccess], "";
    ViewScripts          "view_scripts"          "May view scripts"                        MANAGEMENT, [], "";
    ChangeScripts        "change_scripts"        "May modify scripts"                      MANAGEMENT, [], "";
    ViewBundles          "view_bundles"          "May fetch every bundle"                  MANAGEMENT, [PolicyAdmin], "";
    ChangeBundles        "change_bundles"        "May modify bundle definitions"           MANAGEMENT, [PolicyAdmin], "";
    ViewClients          "view_clients"          "May view clients, roles and tokens"      MANAGEMENT, [], "read_security";
    ChangeClients        "change_clients"        "May modify clients and roles"            MANAGEMENT, [], "manage_security";
    ViewAuthentication   "view_authentication"   "May view authentication configuration"   MANAGEMENT, [], "read_security";
    ChangeAuthentication "change_authentication" "May modify authentication configuration" MANAGEMENT, [], "manage_security";
    ManageTokens         "manage_tokens"         "May get and invalidate users' tokens"    MANAGEMENT, [], "manage_token";
    IntrospectAll        "introspect_all"        "May introspect and revoke every token"   MANAGEMENT, [], "";
    ViewRevisions        "view_revisions"        "May view the history"                    MANAGEMENT, [], "";
    ChangeRevisions      "change_revisions"      "May go back to an earlier revision"      MANAGEMENT, [], "";
};

impl Permission {
    /// Its number in Pexip's API: `/api/admin/configuration/v1/permission/{id}/`.
    pub(crate) fn id(self) -> u32 {
        u32::from(self as u8)
    }

    pub(crate) fn codename(self) -> &'static str {
        self.row().map_or("", |row| row.codename)
    }

    /// The permission with a codename.
    pub(crate) fn with_codename(codename: &str) -> Option<Permission> {
        let found = PERMISSIONS.iter().find(|row| row.codename == codename);
        found.map(|row| row.permission)
    }

    /// The permission with a number.
    pub(crate) fn with_id(id: u32) -> Option<Permission> {
        let found = PERMISSIONS.iter().find(|row| row.permission.id() == id);
        found.map(|row| row.permission)
    }

    /// The audience whose tokens carry it.
    pub(crate) fn audience(self) -> Option<Audience> {
        self.row().and_then(|row| row.audience)
    }

    /// What a token needs where AM's endpoints ask its users for a privilege.
    pub(crate) fn for_am(asked: endpoint::Permission) -> Permission {
        let views = match asked.verb {
            Verb::Read => true,
            Verb::Modify => false,
            Verb::Evaluate => return Permission::EvaluatePolicies,
            Verb::Action(action) => !["clone", "setProperty", "deleteProperty"].contains(&action),
        };
        let (view, change) = match asked.endpoint {
            Endpoint::Policies
            | Endpoint::Applications
            | Endpoint::ResourceTypes
            | Endpoint::ApplicationTypes
            | Endpoint::ConditionTypes
            | Endpoint::SubjectTypes
            | Endpoint::DecisionCombiners
            | Endpoint::SubjectAttributes => (Permission::ViewPolicies, Permission::ChangePolicies),
            Endpoint::Realms | Endpoint::RealmSettings => {
                (Permission::ViewRealms, Permission::ChangeRealms)
            }
            Endpoint::Users | Endpoint::Groups => (Permission::ViewUsers, Permission::ChangeUsers),
            Endpoint::Sessions => (Permission::ViewSessions, Permission::ChangeSessions),
            Endpoint::Scripts => (Permission::ViewScripts, Permission::ChangeScripts),
            Endpoint::Revisions => (Permission::ViewRevisions, Permission::ChangeRevisions),
            Endpoint::Bundles => (Permission::ViewBundles, Permission::ChangeBundles),
            Endpoint::Authentication => (
                Permission::ViewAuthentication,
                Permission::ChangeAuthentication,
            ),
            Endpoint::Clients => (Permission::ViewClients, Permission::ChangeClients),
        };
        if views { view } else { change }
    }

    fn row(self) -> Option<&'static Row> {
        PERMISSIONS.iter().find(|row| row.permission == self)
    }
}

/// Several permissions.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Permissions(u64);

impl Permissions {
    pub(crate) const NONE: Permissions = Permissions(0);

    /// Every permission of the table.
    pub(crate) fn all() -> Self {
        PERMISSIONS.iter().map(|row| row.permission).collect()
    }

    /// What a user with these privileges of AM, in the root realm, may do at the other APIs.
    pub(crate) fn of_privileges(privileges: Privileges) -> Self {
        if privileges.contains(Privilege::RealmAdmin) {
            return Permissions::all();
        }
        let granted = |row: &&Row| row.am.iter().any(|am| privileges.contains(*am));
        PERMISSIONS
            .iter()
            .filter(granted)
            .map(|row| row.permission)
            .collect()
    }

    /// What somebody has to hold who gives others these privileges of AM, in any realm: all that they open there, and at the
    /// other APIs.
    pub(crate) fn to_give(privileges: Privileges) -> Self {
        let opened = privileges.opened().map(Permission::for_am);
        Permissions::of_privileges(privileges).or(opened.collect())
    }

    /// What tokens for these audiences can carry at most.
    pub(crate) fn of_audiences(audiences: &[Audience]) -> Self {
        let carried = |row: &&Row| {
            row.audience
                .is_none_or(|audience| audiences.contains(&audience))
        };
        PERMISSIONS
            .iter()
            .filter(carried)
            .map(|row| row.permission)
            .collect()
    }

    pub(crate) fn contains(self, permission: Permission) -> bool {
        self.0 & bit(permission) != 0
    }

    pub(crate) fn with(self, permission: Permission) -> Self {
        Permissions(self.0 | bit(permission))
    }

    pub(crate) fn without(self, permission: Permission) -> Self {
        Permissions(self.0 & !bit(permission))
    }

    /// What is in both.
    pub(crate) fn and(self, other: Permissions) -> Self {
        Permissions(self.0 & other.0)
    }

    /// What is in either.
    pub(crate) fn or(self, other: Permissions) -> Self {
        Permissions(self.0 | other.0)
    }

    /// Whether all of `other` is in this: what a caller must hold to grant `other`.
    pub(crate) fn covers(self, other: Permissions) -> bool {
        other.0 & !self.0 == 0
    }

    /// In the order of the table.
    pub(crate) fn iter(self) -> impl Iterator<Item = Permission> {
        let all = PERMISSIONS.iter().map(|row| row.permission);
        all.filter(move |permission| self.contains(*permission))
    }

    /// Codenames, in the order of the table.
    pub(crate) fn codenames(self) -> Vec<&'static str> {
        self.iter().map(Permission::codename).collect()
    }
}

fn bit(permission: Permission) -> u64 {
    1 << (permission as u8)
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions
            .into_iter()
            .fold(Permissions::NONE, Permissions::with)
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.codenames()).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn every_row_is_found_by_all_its_names() {
        for (n, row) in PERMISSIONS.iter().enumerate() {
            assert_eq!(row.permission.id() as usize, n + 1, "{row:?}");
            assert_eq!(
                Permission::with_codename(row.codename),
                Some(row.permission)
            );
            assert_eq!(
                Permission::with_id(row.permission.id()),
                Some(row.permission)
            );
            assert!(
                row.codename
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'_')
            );
            assert!(row.name.len() <= 100);
        }
        assert_eq!(Permission::with_codename("IS_ADMIN"), None);
        assert_eq!(Permission::with_id(0), None);
    }

    #[test]
    fn am_privileges_and_endpoints_have_their_permissions() {
        let of = |privilege| Permissions::of_privileges(Privileges::from_iter([privilege]));
        assert_eq!(of(Privilege::RealmAdmin), Permissions::all());
        assert_eq!(
            of(Privilege::EntitlementRestAccess).codenames(),
            ["use_api", "evaluate_policies"]
        );
        let policy_admin = of(Privilege::PolicyAdmin);
        assert!(policy_admin.contains(Permission::ChangePolicies));
        for not in [
            Permission::EvaluatePolicies,
            Permission::ChangeUsers,
            Permission::ChangeClients,
            Permission::IntrospectAll,
        ] {
            assert!(!policy_admin.contains(not), "{not:?}");
        }
        assert_eq!(of(Privilege::LogAdmin), Permissions::NONE);
        // It opens nothing of the other APIs, and yet not everybody may give it.
        let writes = Privileges::from_iter([Privilege::PrivilegeRestAccess]);
        assert_eq!(Permissions::of_privileges(writes), Permissions::NONE);
        assert_eq!(
            Permissions::to_give(writes).codenames(),
            ["change_policies"]
        );
        for (endpoint, verb, needed) in [
            (Endpoint::Policies, Verb::Evaluate, "evaluate_policies"),
            (Endpoint::Policies, Verb::Read, "view_policies"),
            (Endpoint::Applications, Verb::Modify, "change_policies"),
            (Endpoint::ConditionTypes, Verb::Read, "view_policies"),
            (Endpoint::Realms, Verb::Modify, "change_realms"),
            (Endpoint::Groups, Verb::Action("schema"), "view_users"),
            (
                Endpoint::Sessions,
                Verb::Action("getProperty"),
                "view_sessions",
            ),
            (
                Endpoint::Sessions,
                Verb::Action("setProperty"),
                "change_sessions",
            ),
            (
                Endpoint::Applications,
                Verb::Action("clone"),
                "change_policies",
            ),
        ] {
            let asked = endpoint::Permission::new(endpoint, verb);
            assert_eq!(Permission::for_am(asked).codename(), needed, "{asked:?}");
        }
    }

    #[test]
    fn audiences_divide_what_a_token_carries() {
        let runtime = Permissions::of_audiences(&[Audience::Runtime]);
        assert_eq!(runtime.codenames(), ["use_api", "evaluate_policies"]);
        let management = Permissions::of_audiences(&[Audience::Management]);
        assert!(!management.contains(Permission::EvaluatePolicies));
        assert_eq!(runtime.or(management), Permissions::all());
        assert!(Permissions::all().covers(runtime) && !runtime.covers(management));
        assert!(Permissions::of_audiences(&[]).codenames() == ["use_api"]);
        let none = runtime
            .without(Permission::UseApi)
            .without(Permission::EvaluatePolicies);
        assert_eq!(none, Permissions::NONE);
        assert_eq!(none.and(Permissions::all()), Permissions::NONE);
    }
}
