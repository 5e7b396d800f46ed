//! Resource names and patterns: who covers whom (evaluation.md §4.6, rulings B1–B7, B17, B20, B24), cut as the documentation of the
//! engine's module `resource` says, which is where the facts about AM leave it open.

use super::canonical::{
    Pieces, Refusal, canonical, is_web_scheme, pieces, split_authority, split_port,
};
use super::fold::fold;
use super::glob::Glob;

/// A name in canonical form, split into what is compared each on its own.
#[derive(Clone, Debug)]
pub struct Name {
    /// The canonical text.
    pub text: String,
    parts: Parts,
}

#[derive(Clone, Debug)]
enum Parts {
    /// `http`, `https`, or either with `*` after it.
    Web {
        scheme: String,
        host: String,
        port: String,
        path: String,
        query: Option<String>,
    },
    /// Any other name with `://`.
    Url {
        scheme: String,
        authority: String,
        rest: String,
    },
    /// A name without `://`.
    Plain,
}

impl Name {
    /// A requested resource or a tree root; wildcards in it are ordinary characters.
    pub fn new(text: &str) -> Result<Name, Refusal> {
        let text = canonical(text)?;
        let Some((scheme, after)) = text.split_once("://") else {
            return Ok(Name {
                text,
                parts: Parts::Plain,
            });
        };
        let parts = if is_web_scheme(scheme) {
            let Pieces {
                authority,
                path,
                query,
            } = pieces(after);
            let (host, port) = split_port(&authority);
            // A name without a host was given no port either.
            let port = port.unwrap_or_default();
            Parts::Web {
                scheme: scheme.to_owned(),
                host,
                port,
                path,
                query,
            }
        } else {
            let (authority, rest) = split_authority(after);
            Parts::Url {
                scheme: scheme.to_owned(),
                authority: authority.to_owned(),
                rest: rest.to_owned(),
            }
        };
        Ok(Name { text, parts })
    }
}

impl Name {
    /// Whether this name lies at or beneath a root: the path alone counts, by whole segments (ruling B24).
    #[must_use]
    pub fn is_at_or_beneath(&self, root: &Name) -> bool {
        match (&self.parts, &root.parts) {
            (
                Parts::Web {
                    scheme,
                    host,
                    port,
                    path,
                    ..
                },
                Parts::Web {
                    scheme: s,
                    host: h,
                    port: p,
                    path: above,
                    ..
                },
            ) => scheme == s && host == h && port == p && path_beneath(path, above),
            (
                Parts::Url {
                    scheme,
                    authority,
                    rest,
                },
                Parts::Url {
                    scheme: s,
                    authority: a,
                    rest: above,
                },
            ) => fold(scheme) == fold(s) && fold(authority) == fold(a) && path_beneath(rest, above),
            (Parts::Plain, Parts::Plain) => path_beneath(&self.text, &root.text),
            _ => false,
        }
    }
}

fn path_beneath(path: &str, above: &str) -> bool {
    let (path, above) = (fold(path), fold(above));
    if above.ends_with('/') {
        path.starts_with(&above)
    } else {
        path == above || path.starts_with(&format!("{above}/"))
    }
}

/// A policy's resource pattern in canonical form.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// The canonical text, as stored and shown.
    pub text: String,
}

impl Pattern {
    /// Canonical form of a pattern, or why it is refused.
    pub fn new(text: &str) -> Result<Pattern, Refusal> {
        if text.is_empty() {
            return Err(Refusal::Empty);
        }
        Ok(Pattern {
            text: canonical(text)?,
        })
    }

    /// Whether the pattern covers this name.
    pub fn covers(&self, name: &Name) -> bool {
        let Some((scheme, after)) = self.text.split_once("://") else {
            return matches!(name.parts, Parts::Plain) && Glob::new(&self.text).covers(&name.text);
        };
        match &name.parts {
            Parts::Plain => false,
            Parts::Url {
                scheme: s,
                authority: a,
                rest: r,
            } => {
                let (authority, rest) = split_authority(after);
                Glob::new(scheme).covers(s)
                    && Glob::new(authority).covers(a)
                    && Glob::new(rest).covers(r)
            }
            Parts::Web {
                scheme: s,
                host,
                port,
                path,
                query,
            } => {
                if every_host(scheme, after) {
                    return Glob::new(scheme).covers(s) && query.is_none();
                }
                let own = pieces(after);
                let queries = match (&own.query, query) {
                    (None, None) => true,
                    (Some(mine), Some(its)) => Glob::new(mine).covers(its),
                    _ => false,
                };
                Glob::new(scheme).covers(s)
                    && authority_covers(&own.authority, host, port)
                    && Glob::new(&own.path).covers(path)
                    && queries
            }
        }
    }

    /// Whether the pattern covers some name at or beneath this root, whatever its query (ruling B24).
    pub fn reaches_beneath(&self, root: &Name) -> bool {
        let Some((scheme, after)) = self.text.split_once("://") else {
            return matches!(root.parts, Parts::Plain) && beneath(&self.text, &root.text);
        };
        match &root.parts {
            Parts::Plain => false,
            Parts::Url {
                scheme: s,
                authority: a,
                rest: r,
            } => {
                let (authority, rest) = split_authority(after);
                Glob::new(scheme).covers(s) && Glob::new(authority).covers(a) && beneath(rest, r)
            }
            Parts::Web {
                scheme: s,
                host,
                port,
                path,
                ..
            } => {
                if every_host(scheme, after) {
                    return Glob::new(scheme).covers(s);
                }
                let own = pieces(after);
                Glob::new(scheme).covers(s)
                    && authority_covers(&own.authority, host, port)
                    && beneath(&own.path, path)
            }
        }
    }
}

/// Whether a path pattern covers a path that is `root` or lies beneath it by whole segments.
fn beneath(pattern: &str, root: &str) -> bool {
    let glob = Glob::new(pattern);
    if root.ends_with('/') {
        glob.covers_some_with_prefix(root)
    } else {
        glob.covers(root) || glob.covers_some_with_prefix(&format!("{root}/"))
    }
}

/// `http://*` and its like: every path and port of every host, but no query (ruling B7).
fn every_host(scheme: &str, after: &str) -> bool {
    after == "*" && is_web_scheme(scheme)
}

fn authority_covers(authority: &str, host: &str, port: &str) -> bool {
    match split_port(authority) {
        (own_host, Some(own_port)) if !own_port.is_empty() => {
            Glob::new(&own_host).covers(host) && Glob::new(&own_port).covers(port)
        }
        // A name without a port (`http://?x`, which has no host either) is its host alone.
        _ if port.is_empty() => Glob::new(authority).covers(host),
        _ => Glob::new(authority).covers(&format!("{host}:{port}")),
    }
}
