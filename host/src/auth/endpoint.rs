//! What a request needs: a verb at an endpoint, as AM's permission `<realm>/rest/1.0/<endpoint>/<verb>` says it
//! (`management-rest.md` §3.3).

use Endpoint::*;

/// An endpoint as permissions name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Policies,
    Applications,
    ResourceTypes,
    ApplicationTypes,
    ConditionTypes,
    SubjectTypes,
    DecisionCombiners,
    SubjectAttributes,
    Realms,
    Users,
    Groups,
    Sessions,
    Scripts,
    /// Modules and chains.
    Authentication,
    /// How decisions of a realm are made. Ours; AM has no permission for it.
    RealmSettings,
    /// What changed in the store, and the way back. Ours; AM has no permission for it.
    Revisions,
    /// Not AM's: definitions of bundles, and every bundle whoever its readers are.
    Bundles,
    /// Not AM's: OAuth 2 clients, their roles and their tokens.
    Clients,
}

impl Endpoint {
    /// Every endpoint there is.
    pub(super) const ALL: [Endpoint; 18] = [
        Policies,
        Applications,
        ResourceTypes,
        ApplicationTypes,
        ConditionTypes,
        SubjectTypes,
        DecisionCombiners,
        SubjectAttributes,
        Realms,
        Users,
        Groups,
        Sessions,
        Scripts,
        Authentication,
        RealmSettings,
        Revisions,
        Bundles,
        Clients,
    ];

    /// Listings that are the same everywhere accept a privilege that is held in any realm.
    fn is_the_same_in_all_realms(self) -> bool {
        matches!(
            self,
            ApplicationTypes | ConditionTypes | SubjectTypes | DecisionCombiners
        )
    }
}

/// What is done at an endpoint, as permissions name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Read and query.
    Read,
    /// Create, update, delete, patch, and actions that do so.
    Modify,
    /// Decisions about others.
    Evaluate,
    /// An action that is a verb of its own.
    Action(&'static str),
}

impl Verb {
    /// The verb of an `_action`, whose name is compared exactly; `None` for one that AM's table does not map, which
    /// nobody may use.
    pub(crate) fn of_action(action: &str) -> Option<Verb> {
        const BY_NAME: [&str; 12] = [
            "schema",
            "validate",
            "template",
            "getAllTypes",
            "getCreatableTypes",
            "getType",
            "nextdescendents",
            "getPropertyNames",
            "getProperty",
            "clone",
            "setProperty",
            "deleteProperty",
        ];
        match action {
            "evaluate" | "evaluateTree" => Some(Verb::Evaluate),
            "copy" | "move" | "rotateSecret" | "revoke" => Some(Verb::Modify),
            _ => BY_NAME
                .into_iter()
                .find(|name| *name == action)
                .map(Verb::Action),
        }
    }
}

/// What a request needs: a verb at an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Permission {
    pub(crate) endpoint: Endpoint,
    pub(crate) verb: Verb,
}

impl Permission {
    pub(crate) fn new(endpoint: Endpoint, verb: Verb) -> Self {
        Permission { endpoint, verb }
    }

    /// Whether a privilege that opens this does so wherever it is held.
    pub(crate) fn is_for_any_realm(self) -> bool {
        self.endpoint.is_the_same_in_all_realms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_mapped_by_their_exact_names() {
        assert_eq!(Verb::of_action("evaluateTree"), Some(Verb::Evaluate));
        assert_eq!(Verb::of_action("move"), Some(Verb::Modify));
        assert_eq!(Verb::of_action("schema"), Some(Verb::Action("schema")));
        for unknown in ["Evaluate", "create", "refresh", ""] {
            assert_eq!(Verb::of_action(unknown), None, "{unknown}");
        }
    }
}
