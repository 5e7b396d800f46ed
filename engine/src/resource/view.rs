//! The ways in which a pattern can cover names.
//!
//! A name is of one of three kinds (`name`), and a pattern whose scheme has wildcards may cover names of two of them, for which
//! it is cut differently: only http(s) names have a port and a query.

use super::is_http_like;
use super::name::split_port;

/// A pattern, cut as the names of one kind are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View<'a> {
    pub(crate) authority: Authority<'a>,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
}

/// What must cover a name's scheme, host and port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Authority<'a> {
    /// For http(s) names.
    Http {
        scheme: &'a str,
        host: &'a str,
        /// None: `host` is for the whole authority.
        port: Option<&'a str>,
    },
    /// For other names with a scheme.
    Other { scheme: &'a str, authority: &'a str },
    /// For names without one.
    Plain,
}

impl<'a> View<'a> {
    #[cfg(feature = "compile")]
    /// The texts in which wildcards count, each by itself.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &'a str> {
        let (scheme, host, port) = match self.authority {
            Authority::Http { scheme, host, port } => (scheme, host, port),
            Authority::Other { scheme, authority } => (scheme, authority, None),
            Authority::Plain => ("", "", None),
        };
        [scheme, host, self.path]
            .into_iter()
            .chain(port)
            .chain(self.query)
    }
}

/// Every way in which a folded pattern can cover names.
pub(crate) fn views(folded: &str) -> impl Iterator<Item = View<'_>> {
    let views = match folded.split_once("://") {
        None => {
            let plain = View {
                authority: Authority::Plain,
                path: folded,
                query: None,
            };
            [Some(plain), None]
        }
        Some((scheme, rest)) => {
            let http = matches!(scheme, "http" | "https");
            let wild = scheme.contains('*');
            [
                (http || wild).then(|| http_view(scheme, rest)),
                (!http).then(|| {
                    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                    View {
                        authority: Authority::Other { scheme, authority },
                        path,
                        query: None,
                    }
                }),
            ]
        }
    };
    views.into_iter().flatten()
}

fn http_view<'a>(scheme: &'a str, rest: &'a str) -> View<'a> {
    let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (host, port) = split_port(authority);
    if is_http_like(scheme) && host == "*" && port.is_empty() {
        // `http://*`: every path on every host and port, without a query.
        return View {
            authority: Authority::Http {
                scheme,
                host: "*",
                port: Some("*"),
            },
            path: "*",
            query: None,
        };
    }
    let (host, port) = match port {
        "" => (authority, None),
        port => (host, Some(port)),
    };
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    View {
        authority: Authority::Http { scheme, host, port },
        path,
        query,
    }
}
