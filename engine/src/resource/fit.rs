//! What is asked of patterns when they are written.

use super::fold;
use super::name::{HttpName, Name};
use super::pattern::Part;
use super::pieces::Pieces;
use super::view::views;

/// Whether every part of a canonical pattern keeps to [`crate::limits::MAX_WILDCARDS`], whatever kind of name it is to cover.
pub(crate) fn wildcards_fit(pattern: &str) -> bool {
    views(&fold(pattern)).all(|view| view.parts().all(|part| Pieces::split(part).is_some()))
}

/// Whether a resource of a policy fits a pattern of its resource type: it lies at or beneath the
/// pattern taken literally, or the pattern covers it with its wildcards taken as characters.
pub(crate) fn type_covers(pattern: &str, resource: &str) -> bool {
    let (pattern, resource) = (fold(pattern), fold(resource));
    let beneath = resource
        .strip_prefix(&*pattern)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || pattern.ends_with('/'));
    // A pattern that knows no ports is compared as one text, as AM does it: `shop://*`, or `*` for whatever there is.
    let without_ports = match pattern.split_once("://") {
        Some((_, rest)) => !rest.contains(':'),
        None => resource.contains("://"),
    };
    beneath
        || (without_ports && covers(&pattern, &resource))
        || name_covers(&Name::split(&pattern), &Name::split(&resource))
}

fn name_covers(pattern: &Name<'_>, resource: &Name<'_>) -> bool {
    match (pattern, resource) {
        (Name::Plain(pattern), Name::Plain(resource)) => covers(pattern, resource),
        (Name::Plain(_), _) | (_, Name::Plain(_)) => false,
        (Name::Http(pattern), Name::Http(resource)) => {
            let (pattern, resource) = (spelled_out(pattern), spelled_out(resource));
            covers(pattern.0, resource.0)
                && covers(&pattern.1, &resource.1)
                && covers(&pattern.2, &resource.2)
                && match (pattern.3, resource.3) {
                    (None, None) => true,
                    (Some(pattern), Some(resource)) => covers(pattern, resource),
                    _ => false,
                }
        }
        (Name::Other { .. }, Name::Http(name)) => {
            // A pattern such as `*://*:*/*?*` is for http(s) names too: there its query is one.
            let Name::Other {
                scheme,
                authority,
                rest,
            } = pattern
            else {
                return false;
            };
            let (path, query) = match rest.split_once('?') {
                Some((path, query)) => (path, Some(query)),
                None => (&**rest, None),
            };
            let resource = spelled_out(name);
            covers(scheme, resource.0)
                && covers(authority, &resource.1)
                && covers(path, &resource.2)
                && match (query, resource.3) {
                    (None, None) => true,
                    (Some(pattern), Some(resource)) => covers(pattern, resource),
                    _ => false,
                }
        }
        (Name::Http(_), Name::Other { .. }) => false,
        (
            Name::Other {
                scheme,
                authority,
                rest,
            },
            Name::Other {
                scheme: other_scheme,
                authority: other_authority,
                rest: other_rest,
            },
        ) => {
            let other_rest = if other_rest.is_empty() {
                "/"
            } else {
                other_rest
            };
            covers(scheme, other_scheme)
                && covers(authority, other_authority)
                && covers(rest, other_rest)
        }
    }
}

/// Scheme, authority, path and query, where no path is the path `/`, and `http://*` is any of it.
fn spelled_out<'n>(name: &'n HttpName<'_>) -> (&'n str, String, String, Option<&'n str>) {
    if name.is_any() {
        return (&name.scheme, "*:*".to_owned(), "/*".to_owned(), None);
    }
    let path = if name.path.is_empty() {
        "/"
    } else {
        &name.path
    };
    let authority = format!("{}:{}", name.host, name.port);
    (
        &name.scheme,
        authority,
        path.to_owned(),
        name.query.as_deref(),
    )
}

/// Whether one part of a pattern covers a text.
fn covers(part: &str, text: &str) -> bool {
    Part::new(part).is_some_and(|part| part.covers(text))
}
