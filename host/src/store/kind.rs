//! What documents there are.

/// Declares the kinds of documents, one a line: the kind, its name in the store, and the array of import documents that
/// holds its documents.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident: $name:literal, $array:literal;)*) => {
        /// What a document is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            pub(crate) const ALL: &'static [Kind] = &[$(Kind::$kind),*];

            /// The name in the store. Never change one: stores hold it.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Kind::$kind => $name,)*
                }
            }

            /// The array of import documents. Never change one: exports hold it.
            pub(crate) fn array(self) -> &'static str {
                match self {
                    $(Kind::$kind => $array,)*
                }
            }
        }
    };
}

// A new kind is one line at the end. Exports carry it from then on, and `import --restore` brings it back as it was: its
// body must be a JSON object, and what is secret about it must be in `secret` and nowhere else.
kinds! {
    /// Lives in no realm (`realm` is empty); its key is the realm's path in lower case.
    Realm: "realm", "realms";
    ResourceType: "resourceType", "resourceTypes";
    PolicySet: "policySet", "applications";
    Policy: "policy", "policies";
    Script: "script", "scripts";
    User: "user", "users";
    Group: "group", "groups";
    /// Signing keys of one purpose; lives in no realm, its private keys are the secret.
    KeyRing: "keyRing", "keyRings";
    /// Which policy sets make a bundle, and who may fetch it.
    BundleDefinition: "bundleDefinition", "bundleDefinitions";
    /// An OAuth 2 client; its secret is the SHA-256 of the client's. This kind and the following live in the root realm.
    Client: "client", "clients";
    /// What clients, and administrators known elsewhere, may do.
    Role: "role", "roles";
    /// Which roles somebody has who is known by a claim or a group.
    RoleMapping: "roleMapping", "roleMappings";
    /// What can be set about tokens while the server runs: one document.
    TokenSettings: "tokenSettings", "tokenSettings";
    /// A module that a log-in can go through, with its level.
    AuthModule: "authModule", "authModules";
    /// A chain of such modules.
    AuthChain: "authChain", "authChains";
    /// PolicyServer's policies, owned by the one above; the four kinds live in the root realm.
    HierarchyPolicy: "hierarchyPolicy", "hierarchyPolicies";
    /// A role of such a policy, which owns it.
    HierarchyRole: "hierarchyRole", "hierarchyRoles";
    /// A permission of such a policy, which owns it.
    HierarchyPermission: "hierarchyPermission", "hierarchyPermissions";
    /// Who has such a role, which owns it.
    HierarchyAssignment: "hierarchyAssignment", "hierarchyAssignments";
}

impl Kind {
    pub(super) fn named(name: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}
