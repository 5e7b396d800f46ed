use std::borrow::Cow;

use super::{NameError, canonical, fold, is_http_like};

/// A requested resource, normalised, folded and split into the parts that patterns cover each on
/// their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    /// An http or https name.
    Http(HttpName<'a>),
    /// Another name with a scheme: `ftp://host/file`.
    Other {
        scheme: Cow<'a, str>,
        authority: Cow<'a, str>,
        rest: Cow<'a, str>,
    },
    /// A name without a scheme: `urn:x:y`, `/files/a`.
    Plain(Cow<'a, str>),
}

/// The parts of an http(s) name. `path` is empty or begins with `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpName<'a> {
    pub(crate) scheme: Cow<'a, str>,
    pub(crate) host: Cow<'a, str>,
    pub(crate) port: Cow<'a, str>,
    pub(crate) path: Cow<'a, str>,
    pub(crate) query: Option<Cow<'a, str>>,
}

impl HttpName<'_> {
    /// Whether this is the pattern `http://*`, which stands for every path on every host: the one
    /// name with a host whose normal form has no port.
    #[cfg(feature = "compile")]
    pub(crate) fn is_any(&self) -> bool {
        self.host == "*" && self.port.is_empty()
    }
}

impl<'a> Name<'a> {
    /// Reads a requested name in any spelling.
    pub(crate) fn parse(text: &'a str) -> Result<Self, NameError> {
        if let Some(name) = already_canonical(text) {
            return Ok(Self::Http(name));
        }
        let canonical = canonical(text)?;
        let folded = fold(&canonical);
        let name: Name<'_> = Name::split(&folded);
        Ok(name.into_owned())
    }

    /// Splits a canonical, folded name; of patterns too, whose parts are then globs.
    pub(crate) fn split(canonical: &'a str) -> Self {
        let Some((scheme, rest)) = canonical.split_once("://") else {
            return Self::Plain(Cow::Borrowed(canonical));
        };
        if is_http_like(scheme) {
            let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            let (host, port) = split_port(authority);
            let (path, query) = match rest.split_once('?') {
                Some((path, query)) => (path, Some(Cow::Borrowed(query))),
                None => (rest, None),
            };
            return Self::Http(HttpName {
                scheme: Cow::Borrowed(scheme),
                host: Cow::Borrowed(host),
                port: Cow::Borrowed(port),
                path: Cow::Borrowed(path),
                query,
            });
        }
        let (authority, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Self::Other {
            scheme: Cow::Borrowed(scheme),
            authority: Cow::Borrowed(authority),
            rest: Cow::Borrowed(rest),
        }
    }

    /// Whether this name is the root or lies beneath it: the path alone counts, by whole segments, whatever the query
    /// (DESIGN ruling B24).
    pub(crate) fn is_at_or_beneath(&self, root: &Name<'_>) -> bool {
        match (self, root) {
            (Self::Http(name), Name::Http(root)) => {
                name.scheme == root.scheme
                    && name.host == root.host
                    && name.port == root.port
                    && lies_beneath(&name.path, &root.path)
            }
            (
                Self::Other {
                    scheme,
                    authority,
                    rest,
                },
                Name::Other {
                    scheme: root_scheme,
                    authority: root_authority,
                    rest: root_rest,
                },
            ) => {
                scheme == root_scheme
                    && authority == root_authority
                    && lies_beneath(rest, root_rest)
            }
            (Self::Plain(text), Name::Plain(root)) => lies_beneath(text, root),
            _ => false,
        }
    }

    pub(crate) fn into_owned<'b>(self) -> Name<'b> {
        let own = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Http(name) => Name::Http(HttpName {
                scheme: own(name.scheme),
                host: own(name.host),
                port: own(name.port),
                path: own(name.path),
                query: name.query.map(own),
            }),
            Self::Other {
                scheme,
                authority,
                rest,
            } => Name::Other {
                scheme: own(scheme),
                authority: own(authority),
                rest: own(rest),
            },
            Self::Plain(text) => Name::Plain(own(text)),
        }
    }
}

fn lies_beneath(path: &str, root: &str) -> bool {
    path.strip_prefix(root)
        .is_some_and(|rest| rest.is_empty() || root.ends_with('/') || rest.starts_with('/'))
}

/// Splits `host:port` at the last colon outside an IPv6 literal's brackets.
pub(crate) fn split_port(authority: &str) -> (&str, &str) {
    match authority.rfind(':') {
        Some(colon) if !authority.get(colon..).is_some_and(|a| a.contains(']')) => (
            authority.get(..colon).unwrap_or_default(),
            authority.get(colon + 1..).unwrap_or_default(),
        ),
        _ => (authority, ""),
    }
}

/// The parts of a name whose spelling needs nothing done to it, found in one pass and without a
/// copy. `None` means "take the long way", never "not a name".
///
/// INVARIANT: what this accepts, `canonical` and `fold` would split into the same parts.
fn already_canonical(text: &str) -> Option<HttpName<'_>> {
    let (scheme, default_port, start) = if text.starts_with("http://") {
        ("http", "80", 7)
    } else if text.starts_with("https://") {
        ("https", "443", 8)
    } else {
        return None;
    };
    let rest = text.get(start..)?;
    let bytes = rest.as_bytes();
    let end = bytes
        .iter()
        .position(|&b| !matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'))
        .unwrap_or(bytes.len());
    let host = rest.get(..end).filter(|h| !h.is_empty())?;
    let mut after = rest.get(end..)?;
    let mut port = default_port;
    if let Some(tail) = after.strip_prefix(':') {
        let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
        port = tail
            .get(..digits)
            .filter(|p| (1..=5).contains(&p.len()) && !p.starts_with('0'))?;
        after = tail.get(digits..)?;
    }
    let mut previous = 0;
    for (at, &byte) in after.as_bytes().iter().enumerate() {
        let plain = match byte {
            b'?' => {
                let (path, query) = (after.get(..at)?, after.get(at + 1..)?);
                return simple_query(query).then(|| parts(scheme, host, port, path, Some(query)));
            }
            b'/' => previous != b'/',
            b'.' => previous != b'/' && at > 0,
            b'A'..=b'Z' | b'%' | b'*' | b'#' => false,
            _ => byte.is_ascii() && at > 0,
        };
        if !plain {
            return None;
        }
        previous = byte;
    }
    Some(parts(scheme, host, port, after, None))
}

fn simple_query(query: &str) -> bool {
    query
        .bytes()
        .all(|b| b.is_ascii() && !matches!(b, b'A'..=b'Z' | b'%' | b'&' | b'#'))
}

fn parts<'a>(
    scheme: &'a str,
    host: &'a str,
    port: &'a str,
    path: &'a str,
    query: Option<&'a str>,
) -> HttpName<'a> {
    HttpName {
        scheme: Cow::Borrowed(scheme),
        host: Cow::Borrowed(host),
        port: Cow::Borrowed(port),
        path: Cow::Borrowed(path),
        query: query.map(Cow::Borrowed),
    }
}
