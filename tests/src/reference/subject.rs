//! Subjects of policies (conditions.md §3, rulings C14, C15, B27).

use super::facts::{Facts, rdns, same, strings};
use super::tally::Tally;
use super::truth::Truth;
use serde_json::Value;

/// Whether the subject of the request is one that the policy means.
pub(super) fn holds(subject: &Value, facts: Facts<'_>, tally: &Tally) -> Truth {
    let kind = subject
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or("NONE");
    let truth = of_kind(kind, subject, facts, tally);
    tally.note("subject ", kind, truth);
    truth
}

fn of_kind(kind: &str, subject: &Value, facts: Facts<'_>, tally: &Tally) -> Truth {
    let children = || {
        subject
            .get("subjects")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    match kind {
        "AND" => Truth::all(children().map(|c| holds(c, facts, tally))),
        "OR" => Truth::any(children().map(|c| holds(c, facts, tally))),
        "NOT" => subject
            .get("subject")
            .map_or(Truth::False, |c| holds(c, facts, tally).not()),
        "NONE" => Truth::False,
        "AuthenticatedUsers" => facts.session().is_some().into(),
        "Identity" => identity(
            &subject
                .get("subjectValues")
                .map(strings)
                .unwrap_or_default(),
            facts,
        ),
        "JwtClaim" => {
            let text = |m| subject.get(m).and_then(Value::as_str).unwrap_or("");
            let (name, value) = (text("claimName"), text("claimValue"));
            facts
                .claims()
                .iter()
                .any(|claims| claim_matches(claims.get(name), value))
                .into()
        }
        _ => Truth::Undetermined,
    }
}

fn identity(values: &[&str], facts: Facts<'_>) -> Truth {
    if facts.session().is_none() {
        return Truth::False;
    }
    let groups = facts.groups();
    let own = facts
        .principals()
        .into_iter()
        .chain(groups.iter().flatten().copied())
        .collect::<Vec<_>>();
    if values.iter().any(|v| own.iter().any(|o| same(v, o))) {
        Truth::True
    } else if groups.is_none() && values.iter().any(|v| names_group(v)) {
        Truth::Undetermined
    } else {
        Truth::False
    }
}

/// What a universal id (`id=x,ou=user,…`) names, in lower case; none if it is no universal id.
pub(super) fn kind_of(id: &str) -> Option<String> {
    match rdns(id).as_slice() {
        [(id, _), (ou, kind), ..] if id == "id" && ou == "ou" => Some(kind.to_ascii_lowercase()),
        _ => None,
    }
}

/// Whether an id is that of a group or role.
pub(super) fn names_group(id: &str) -> bool {
    matches!(kind_of(id).as_deref(), Some("group" | "role"))
}

/// A text is compared whole, a list of texts by each; anything else does not match.
fn claim_matches(claim: Option<&Value>, wanted: &str) -> bool {
    match claim {
        Some(Value::String(text)) => text == wanted,
        Some(Value::Array(items)) => {
            items.iter().all(Value::is_string) && items.iter().any(|i| i.as_str() == Some(wanted))
        }
        _ => false,
    }
}
