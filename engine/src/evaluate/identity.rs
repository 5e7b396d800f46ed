//! AuthenticatedUsers, Identity and AMIdentityMembership: who the subject is.

use std::iter;

use super::level::strip_key;
use super::{Evaluation, Truth};
use crate::bundle::layout::Payload;
use crate::explain::Code;
use crate::request::Text;
use crate::resource::fold::same;

impl<'x> Evaluation<'x> {
    /// AuthenticatedUsers: a session, of whatever realm.
    pub(super) fn authenticated_users(&mut self) -> Truth {
        let truth = Truth::of(self.request.subject.session.is_some());
        self.note(truth, Code::NoSession, || "a session".into(), iter::empty())
    }

    /// Identity: the subject is one of the users, or a member of one of the groups. A value that
    /// names nobody is just not matched (ruling C15); a subject without a session matches none.
    pub(super) fn identity(&mut self, payload: &mut Payload<'x>) -> Truth {
        let (names_groups, values) = (payload.word() != 0, payload.texts());
        let request = self.request;
        let subject = &request.subject;
        if subject.session.is_none() {
            return self.note(
                Truth::False,
                Code::NoSession,
                || "a session".into(),
                iter::empty(),
            );
        }
        let principals = request.list(subject.principals);
        let groups = subject.groups.map(|groups| request.list(groups));
        let own = principals.len() + groups.map_or(0, <[_]>::len);
        if !self.afford(values.clone().count(), own) {
            return Truth::Undetermined;
        }
        let matched = values
            .clone()
            .any(|value| holds(principals, value) || groups.is_some_and(|g| holds(g, value)));
        let truth = match groups {
            None if !matched && names_groups => Truth::Undetermined,
            _ => Truth::of(matched),
        };
        let code = if truth == Truth::Undetermined {
            Code::GroupsUnknown
        } else {
            Code::NotAmong
        };
        let seen = principals.iter().chain(groups.unwrap_or_default());
        self.note(truth, code, || join(values), seen.map(|id| &**id))
    }

    /// AMIdentityMembership: as Identity, but for the user that `invocatorPrincipalUuid` names.
    /// The session is never looked at (ruling C11).
    pub(super) fn am_identity_membership(&mut self, payload: &mut Payload<'x>) -> Truth {
        let values = payload.texts();
        let request = self.request;
        let invokers = request
            .environment("invocatorPrincipalUuid")
            .unwrap_or_default();
        let memberships = request.subject.memberships.len();
        let groups = values
            .clone()
            .count()
            .saturating_mul(request.longest_list());
        let each = memberships.saturating_add(groups);
        if !self.afford(invokers.len(), each) {
            return Truth::Undetermined;
        }
        let truth = Truth::agreed(invokers.iter().map(|invoker| {
            if kind_of(invoker).is_none() {
                return Truth::False;
            }
            let own = || holds(request.list(request.subject.principals), invoker);
            let memberships = &request.subject.memberships;
            let groups = memberships
                .iter()
                .find(|(user, _)| same(user, invoker))
                .map(|(_, list)| request.list(*list))
                .or_else(|| {
                    request
                        .subject
                        .groups
                        .filter(|_| own())
                        .map(|g| request.list(g))
                });
            let is = |value: &str| same(invoker, value);
            if values
                .clone()
                .any(|v| is(v) || groups.is_some_and(|g| holds(g, v)))
            {
                Truth::True
            } else if groups.is_none() && values.clone().any(names_group) {
                Truth::Undetermined
            } else {
                Truth::False
            }
        }))
        .unwrap_or(Truth::False);
        let code = if truth == Truth::Undetermined {
            Code::GroupsUnknown
        } else {
            Code::NotAmong
        };
        self.note(
            truth,
            code,
            || join(values),
            invokers.iter().map(|id| &**id),
        )
    }
}

fn holds(ids: &[Text<'_>], value: &str) -> bool {
    ids.iter().any(|id| same(id, value))
}

fn join<'x>(values: impl Iterator<Item = &'x str>) -> String {
    values.collect::<Vec<_>>().join(" or ")
}

/// What a universal id (`id=ann,ou=user,…`) names: the value of its second RDN. `None` for a text that is none; such a text names
/// nobody. Blanks around RDNs and letter case do not count.
fn kind_of(universal_id: &str) -> Option<&str> {
    let mut rdns = universal_id.split(',');
    rdns.next().and_then(|rdn| strip_key(rdn, "id"))?;
    rdns.next().and_then(|rdn| strip_key(rdn, "ou"))
}

/// Whether a universal id is that of a group or role, which have members.
pub(crate) fn names_group(universal_id: &str) -> bool {
    kind_of(universal_id)
        .is_some_and(|kind| kind.eq_ignore_ascii_case("group") || kind.eq_ignore_ascii_case("role"))
}
