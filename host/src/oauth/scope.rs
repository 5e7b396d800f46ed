//! Scopes, and what a token with some of them reaches.
//!
//! A scope is the name of an audience or the codename of a permission. Audiences choose whom the token is for; codenames
//! choose the audience of their permission and narrow the token to what they name. `is_admin` and `use_api` narrow
//! nothing: Pexip's clients ask for them to get all that their role permits.

use std::fmt;

use super::permission::{Audience, Permission, Permissions};

/// What the two audiences are called: the values of `aud`, and the scopes that ask for them.
#[derive(Clone, Debug)]
pub(crate) struct AudienceNames {
    pub(crate) management: String,
    pub(crate) runtime: String,
}

impl AudienceNames {
    pub(crate) fn name(&self, audience: Audience) -> &str {
        match audience {
            Audience::Management => &self.management,
            Audience::Runtime => &self.runtime,
        }
    }

    /// The audience with a name.
    pub(crate) fn named(&self, name: &str) -> Option<Audience> {
        [Audience::Management, Audience::Runtime]
            .into_iter()
            .find(|audience| self.name(*audience) == name)
    }
}

/// One scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Audience(Audience),
    Permission(Permission),
}

/// Text that is no list of scopes: the first word that is none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownScope(pub(crate) String);

impl Scope {
    /// Reads a list of scopes separated by blanks (RFC 6749 §3.3); each is taken once.
    ///
    /// # Errors
    /// [`UnknownScope`]
    pub(crate) fn list(text: &str, names: &AudienceNames) -> Result<Scopes, UnknownScope> {
        let mut scopes = Scopes::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let scope = Scope::named(word, names).ok_or_else(|| UnknownScope(word.to_owned()))?;
            scopes.add(scope);
        }
        Ok(scopes)
    }

    pub(crate) fn named(word: &str, names: &AudienceNames) -> Option<Scope> {
        let audience = names.named(word).map(Scope::Audience);
        audience.or_else(|| Permission::with_codename(word).map(Scope::Permission))
    }

    pub(crate) fn name(self, names: &AudienceNames) -> &str {
        match self {
            Scope::Audience(audience) => names.name(audience),
            Scope::Permission(permission) => permission.codename(),
        }
    }

    /// Whom a token with this scope is for.
    pub(crate) fn audience(self) -> Audience {
        match self {
            Scope::Audience(audience) => audience,
            // What both carry is asked for by those who administer: Pexip's clients.
            Scope::Permission(permission) => permission.audience().unwrap_or(Audience::Management),
        }
    }
}

/// Scopes without repetition, in the order in which they were named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scopes(Vec<Scope>);

impl Scopes {
    /// What a client is registered for that names no scopes: everything that its role permits.
    pub(crate) fn full() -> Self {
        Scopes(vec![
            Scope::Audience(Audience::Management),
            Scope::Audience(Audience::Runtime),
            Scope::Permission(Permission::IsAdmin),
            Scope::Permission(Permission::UseApi),
        ])
    }

    pub(crate) fn add(&mut self, scope: Scope) {
        if !self.0.contains(&scope) {
            self.0.push(scope);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }

    /// The first scope that is not among `registered`. A permission may be asked for by its codename also where only its
    /// audience is registered: that asks for less.
    pub(crate) fn beyond(&self, registered: &Scopes) -> Option<Scope> {
        let granted = |scope: &Scope| {
            registered.0.contains(scope)
                || matches!(scope, Scope::Permission(_))
                    && registered.0.contains(&Scope::Audience(scope.audience()))
        };
        self.0.iter().copied().find(|scope| !granted(scope))
    }

    /// Whom a token with these scopes is for, in the order of [`Audience`].
    pub(crate) fn audiences(&self) -> Vec<Audience> {
        let mut audiences: Vec<Audience> = self.0.iter().map(|scope| scope.audience()).collect();
        audiences.sort_unstable();
        audiences.dedup();
        audiences
    }

    /// What a token with these scopes may do at most, whatever the role.
    pub(crate) fn permissions(&self) -> Permissions {
        let named: Permissions = self
            .iter()
            .filter_map(|scope| match scope {
                Scope::Permission(permission) => Some(permission),
                Scope::Audience(_) => None,
            })
            .collect();
        let wide = Permissions::NONE
            .with(Permission::IsAdmin)
            .with(Permission::UseApi);
        if wide.covers(named) {
            Permissions::all()
        } else {
            named
        }
    }

    /// As it is written in requests, answers and the claim `scope`.
    pub(crate) fn text(&self, names: &AudienceNames) -> String {
        let words: Vec<&str> = self.0.iter().map(|scope| scope.name(names)).collect();
        words.join(" ")
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut list = Scopes::default();
        scopes.into_iter().for_each(|scope| list.add(scope));
        list
    }
}

impl fmt::Display for UnknownScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "There is no scope named {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn names() -> AudienceNames {
        AudienceNames {
            management: "policyserver.management".into(),
            runtime: "policyserver.runtime".into(),
        }
    }

    fn list(text: &str) -> Scopes {
        Scope::list(text, &names()).unwrap()
    }

    #[test]
    fn scopes_are_audiences_and_codenames() {
        let scopes = list("policyserver.runtime  is_admin policyserver.runtime");
        assert_eq!(scopes.text(&names()), "policyserver.runtime is_admin");
        assert_eq!(
            scopes.audiences(),
            [Audience::Management, Audience::Runtime]
        );
        let unknown = Scope::list("is_admin Policyserver.Runtime", &names()).unwrap_err();
        assert_eq!(unknown.0, "Policyserver.Runtime");
        assert!(list("").is_empty());
    }

    #[test]
    fn codenames_narrow_a_token_and_wide_ones_do_not() {
        assert_eq!(
            list("policyserver.management").permissions(),
            Permissions::all()
        );
        assert_eq!(list("is_admin use_api").permissions(), Permissions::all());
        assert_eq!(
            list("policyserver.management view_policies is_admin")
                .permissions()
                .codenames(),
            ["is_admin", "view_policies"]
        );
        assert_eq!(list("evaluate_policies").audiences(), [Audience::Runtime]);
    }

    #[test]
    fn nothing_goes_beyond_the_registration() {
        let registered = list("policyserver.runtime is_admin");
        assert_eq!(
            list("is_admin policyserver.runtime").beyond(&registered),
            None
        );
        assert_eq!(list("evaluate_policies").beyond(&registered), None);
        assert_eq!(
            list("is_admin view_policies").beyond(&registered),
            Some(Scope::Permission(Permission::ViewPolicies))
        );
        assert_eq!(
            list("policyserver.management").beyond(&registered),
            Some(Scope::Audience(Audience::Management))
        );
        assert_eq!(
            list("is_admin use_api view_clients evaluate_policies").beyond(&Scopes::full()),
            None
        );
    }
}
