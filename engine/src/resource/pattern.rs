//! Patterns held against names outside of any bundle.

use super::glob::Glob;
use super::name::Name;
use super::pieces::Pieces;
use super::view::{Authority, View, views};
use crate::bundle::Strings;

/// One part of a pattern (host, port, path, query), ready to be held against texts.
#[derive(Debug)]
pub(crate) struct Part {
    words: Vec<u32>,
    strings: Strings,
}

impl Part {
    /// Splits a folded part at its wildcards; `None` past [`crate::limits::MAX_WILDCARDS`].
    pub(crate) fn new(part: &str) -> Option<Self> {
        let mut strings = Strings {
            text: String::new(),
            offsets: vec![0],
        };
        let mut words = Vec::new();
        Pieces::split(part)?.encode(&mut words, |literal| {
            strings.text.push_str(literal);
            strings.offsets.push(strings.text.len() as u32);
            strings.offsets.len() as u32 - 2
        });
        Some(Self { words, strings })
    }

    /// Whether the part covers the whole of a folded text.
    pub(crate) fn covers(&self, text: &str) -> bool {
        Glob::decode(&self.words, &self.strings).is_some_and(|glob| glob.covers(text))
    }
}

/// A whole pattern, ready to be held against names.
#[derive(Debug)]
pub(crate) struct Pattern {
    shapes: Vec<Shape>,
}

#[derive(Debug)]
struct Shape {
    kind: ShapeKind,
    path: Part,
    query: Option<Part>,
}

#[derive(Debug)]
enum ShapeKind {
    Http {
        scheme: Part,
        host: Part,
        port: Option<Part>,
    },
    Other {
        scheme: Part,
        authority: Part,
    },
    Plain,
}

impl Pattern {
    /// Reads a canonical, folded pattern; `None` past [`crate::limits::MAX_WILDCARDS`].
    pub(crate) fn new(folded: &str) -> Option<Self> {
        let shapes = views(folded).map(Shape::new);
        Some(Self {
            shapes: shapes.collect::<Option<_>>()?,
        })
    }

    /// Whether the pattern covers a name: what the index of a bundle finds, it says yes to.
    pub(crate) fn covers(&self, name: &Name<'_>) -> bool {
        self.shapes.iter().any(|shape| shape.covers(name))
    }
}

impl Shape {
    fn new(view: View<'_>) -> Option<Self> {
        let kind = match view.authority {
            Authority::Http { scheme, host, port } => ShapeKind::Http {
                scheme: Part::new(scheme)?,
                host: Part::new(host)?,
                port: match port {
                    Some(port) => Some(Part::new(port)?),
                    None => None,
                },
            },
            Authority::Other { scheme, authority } => ShapeKind::Other {
                scheme: Part::new(scheme)?,
                authority: Part::new(authority)?,
            },
            Authority::Plain => ShapeKind::Plain,
        };
        Some(Self {
            kind,
            path: Part::new(view.path)?,
            query: match view.query {
                Some(query) => Some(Part::new(query)?),
                None => None,
            },
        })
    }

    fn covers(&self, name: &Name<'_>) -> bool {
        match (&self.kind, name) {
            (ShapeKind::Http { scheme, host, port }, Name::Http(name)) => {
                let authority = match port {
                    Some(port) => host.covers(&name.host) && port.covers(&name.port),
                    // Only a name without a host has no port.
                    None if name.port.is_empty() => host.covers(&name.host),
                    None => host.covers(&[&name.host, ":", &name.port].concat()),
                };
                authority
                    && scheme.covers(&name.scheme)
                    && self.path.covers(&name.path)
                    && match (&self.query, &name.query) {
                        (None, None) => true,
                        (Some(part), Some(query)) => part.covers(query),
                        _ => false,
                    }
            }
            (
                ShapeKind::Other { scheme, authority },
                Name::Other {
                    scheme: its_scheme,
                    authority: its_authority,
                    rest,
                },
            ) => {
                scheme.covers(its_scheme)
                    && authority.covers(its_authority)
                    && self.path.covers(rest)
            }
            (ShapeKind::Plain, Name::Plain(text)) => self.path.covers(text),
            _ => false,
        }
    }
}
