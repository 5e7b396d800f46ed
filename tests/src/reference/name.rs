//! Resource names and patterns: canonical form and who covers whom (evaluation.md §3.1, rulings B1–B7 and B12–B20).

use super::glob::Glob;

/// Why a name or pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `user@host`.
    UserInfo,
    /// A port that is no number.
    Port,
    /// An IPv6 literal that is none.
    Host,
    /// `*` and `-*-` in one part.
    MixedWildcards,
    /// `$SELF` (patterns only).
    SelfMacro,
    /// Nothing at all (patterns only).
    Empty,
}

/// A name in canonical form, split into what is compared each on its own.
#[derive(Clone, Debug)]
pub struct Name {
    /// The canonical text.
    pub text: String,
    parts: Parts,
}

#[derive(Clone, Debug)]
enum Parts {
    /// `http` or `https`.
    Web { scheme: String, host: String, port: String, path: String, query: Option<String> },
    /// Any other name with `://`.
    Url { scheme: String, authority: String, rest: String },
    /// A name without `://`.
    Plain,
}

impl Name {
    /// A requested resource or a tree root; wildcards in it are ordinary characters.
    pub fn new(text: &str) -> Result<Name, Refusal> {
        let text = canonical(text, Role::Name)?;
        let Some((scheme, after)) = text.split_once("://") else {
            return Ok(Name { text, parts: Parts::Plain });
        };
        let parts = if scheme == "http" || scheme == "https" {
            let Pieces { authority, path, query } = pieces(after);
            let (host, port) = split_port(&authority);
            // A name without a host was given no port either.
            let port = port.unwrap_or_default();
            Parts::Web { scheme: scheme.to_owned(), host, port, path, query }
        } else {
            let (authority, rest) = after.split_at(after.find('/').unwrap_or(after.len()));
            Parts::Url { scheme: scheme.to_owned(), authority: authority.to_owned(), rest: rest.to_owned() }
        };
        Ok(Name { text, parts })
    }
}

impl Name {
    /// Whether this name lies at or beneath a root: the path alone counts, by whole segments (ruling B24).
    #[must_use]
    pub fn is_at_or_beneath(&self, root: &Name) -> bool {
        match (&self.parts, &root.parts) {
            (Parts::Web { scheme, host, port, path, .. }, Parts::Web { scheme: s, host: h, port: p, path: above, .. }) => {
                scheme == s && host == h && port == p && path_beneath(path, above)
            }
            (Parts::Url { scheme, authority, rest }, Parts::Url { scheme: s, authority: a, rest: above }) => {
                scheme.to_lowercase() == s.to_lowercase() && authority.to_lowercase() == a.to_lowercase() && path_beneath(rest, above)
            }
            (Parts::Plain, Parts::Plain) => path_beneath(&self.text, &root.text),
            _ => false,
        }
    }
}

fn path_beneath(path: &str, above: &str) -> bool {
    let (path, above) = (path.to_lowercase(), above.to_lowercase());
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
        if text.contains("$SELF") {
            return Err(Refusal::SelfMacro);
        }
        if text.is_empty() {
            return Err(Refusal::Empty);
        }
        Ok(Pattern { text: canonical(text, Role::Pattern)? })
    }

    /// Whether the pattern covers this name.
    pub fn covers(&self, name: &Name) -> bool {
        let Some((scheme, after)) = self.text.split_once("://") else {
            return matches!(name.parts, Parts::Plain) && Glob::new(&self.text).covers(&name.text);
        };
        match &name.parts {
            Parts::Plain => false,
            Parts::Url { scheme: s, authority: a, rest: r } => {
                let (authority, rest) = after.split_at(after.find('/').unwrap_or(after.len()));
                Glob::new(scheme).covers(s) && Glob::new(authority).covers(a) && Glob::new(rest).covers(r)
            }
            Parts::Web { scheme: s, host, port, path, query } => {
                if every_host(scheme, after) {
                    return Glob::new(scheme).covers(s) && query.is_none();
                }
                let own = pieces(after);
                let queries = match (&own.query, query) {
                    (None, None) => true,
                    (Some(mine), Some(its)) => Glob::new(mine).covers(its),
                    _ => false,
                };
                Glob::new(scheme).covers(s) && authority_covers(&own.authority, host, port) && Glob::new(&own.path).covers(path) && queries
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
            Parts::Url { scheme: s, authority: a, rest: r } => {
                let (authority, rest) = after.split_at(after.find('/').unwrap_or(after.len()));
                Glob::new(scheme).covers(s) && Glob::new(authority).covers(a) && beneath(rest, r)
            }
            Parts::Web { scheme: s, host, port, path, .. } => {
                if every_host(scheme, after) {
                    return Glob::new(scheme).covers(s);
                }
                let own = pieces(after);
                Glob::new(scheme).covers(s) && authority_covers(&own.authority, host, port) && beneath(&own.path, path)
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
    after == "*" && web_pattern_scheme(scheme)
}

fn authority_covers(authority: &str, host: &str, port: &str) -> bool {
    match split_port(authority) {
        (own_host, Some(own_port)) => Glob::new(&own_host).covers(host) && Glob::new(&own_port).covers(port),
        (whole, None) => Glob::new(&whole).covers(&format!("{host}:{port}")),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Name,
    Pattern,
}

fn web_pattern_scheme(scheme: &str) -> bool {
    let scheme = scheme.to_ascii_lowercase();
    let bare = scheme.trim_end_matches('*');
    bare == "http" || bare == "https"
}

fn default_port(scheme: &str) -> &'static str {
    match scheme {
        "http" => "80",
        "https" => "443",
        _ => "*",
    }
}

fn canonical(text: &str, role: Role) -> Result<String, Refusal> {
    let Some((scheme, after)) = text.split_once("://") else {
        refuse_mixed(text)?;
        return Ok(clean_path(text));
    };
    let lower = scheme.to_ascii_lowercase();
    let is_web = match role {
        Role::Name => lower == "http" || lower == "https",
        Role::Pattern => web_pattern_scheme(&lower),
    };
    if is_web { canonical_web(&lower, after) } else { canonical_url(scheme, after) }
}

/// RFC 3986 §6.2.2 with AM's collapsing of empty segments and sorting of parameters.
fn canonical_web(scheme: &str, after: &str) -> Result<String, Refusal> {
    let after = after.split('#').next().unwrap_or("").trim_start_matches('/');
    if after == "*" {
        return Ok(format!("{scheme}://*"));
    }
    let Pieces { authority, path, query } = pieces(after);
    if authority.contains('@') {
        return Err(Refusal::UserInfo);
    }
    let (host, port) = split_port(&authority);
    let host = canonical_host(&host)?;
    if host.is_empty() && port.is_some() {
        return Err(Refusal::Port);
    }
    let port = canonical_port(port.as_deref().unwrap_or(""), scheme)?;
    let path = percent_normal(&path);
    refuse_mixed(&path)?;
    let path = remove_dots(&path);
    let query = query.map(|q| sort_parameters(&percent_normal(&q)));
    // Nothing to add a port to.
    let mut out = if host.is_empty() { format!("{scheme}://{path}") } else { format!("{scheme}://{host}:{port}{path}") };
    if let Some(query) = query {
        out.push('?');
        out.push_str(&query);
    }
    Ok(out)
}

/// A name with `://` that is not http: only its path is cleaned.
fn canonical_url(scheme: &str, after: &str) -> Result<String, Refusal> {
    let (authority, rest) = after.split_at(after.find('/').unwrap_or(after.len()));
    let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
    refuse_mixed(path)?;
    Ok(format!("{scheme}://{authority}{}{query}", clean_path(path)))
}

struct Pieces {
    authority: String,
    path: String,
    query: Option<String>,
}

/// Splits what follows `://` into authority, path and the query after the first `?`.
fn pieces(after: &str) -> Pieces {
    let (before, query) = match after.split_once('?') {
        Some((before, query)) => (before, Some(query.to_owned())),
        None => (after, None),
    };
    let (authority, path) = before.split_at(before.find('/').unwrap_or(before.len()));
    Pieces { authority: authority.to_owned(), path: path.to_owned(), query }
}

fn split_port(authority: &str) -> (String, Option<String>) {
    let host_end = if authority.starts_with('[') { authority.find(']').map_or(authority.len(), |n| n + 1) } else { 0 };
    let (bracketed, rest) = authority.split_at(host_end);
    match rest.split_once(':') {
        Some((more, port)) => (format!("{bracketed}{more}"), Some(port.to_owned())),
        None => (authority.to_owned(), None),
    }
}

fn canonical_host(host: &str) -> Result<String, Refusal> {
    if let Some(inner) = host.strip_prefix('[') {
        let literal = inner.strip_suffix(']').ok_or(Refusal::Host)?;
        let address: std::net::Ipv6Addr = literal.parse().map_err(|_| Refusal::Host)?;
        return Ok(format!("[{address}]"));
    }
    if host.contains(['[', ']']) {
        return Err(Refusal::Host);
    }
    Ok(percent_normal(host).to_lowercase())
}

fn canonical_port(port: &str, scheme: &str) -> Result<String, Refusal> {
    if port.is_empty() {
        return Ok(default_port(scheme).to_owned());
    }
    let digits = port.replace('*', "");
    if port.contains("-*-") || !(digits.is_empty() || digits.parse::<i32>().is_ok()) {
        return Err(Refusal::Port);
    }
    Ok(port.to_owned())
}

fn refuse_mixed(part: &str) -> Result<(), Refusal> {
    let without = part.replace("-*-", "");
    if part.contains("-*-") && without.contains('*') { Err(Refusal::MixedWildcards) } else { Ok(()) }
}

/// Decodes percent-encoded unreserved characters and writes the other encodings in capitals.
fn percent_normal(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let pair = bytes.get(at + 1..at + 3).filter(|p| byte == b'%' && p.iter().all(u8::is_ascii_hexdigit));
        let value = pair.and_then(|p| std::str::from_utf8(p).ok()).and_then(|p| u8::from_str_radix(p, 16).ok());
        match value {
            Some(v) if v.is_ascii_alphanumeric() || b"-._~".contains(&v) => out.push(v),
            Some(v) => out.extend_from_slice(format!("%{v:02X}").as_bytes()),
            None => out.push(byte),
        }
        at += if value.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Empty, `.` and `..` segments removed, a final one too; an empty path stays empty.
fn remove_dots(path: &str) -> String {
    if path.is_empty() {
        return String::new();
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut slash_at_end = false;
    for segment in path.split('/').skip(1) {
        slash_at_end = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let end = if slash_at_end && !kept.is_empty() { "/" } else { "" };
    format!("/{}{end}", kept.join("/"))
}

/// AM's cleaning of names that are no http URLs: a final `.` or `..` stays.
fn clean_path(path: &str) -> String {
    let (dirs, last) = path.split_at(path.rfind('/').map_or(0, |n| n + 1));
    let mut kept: Vec<&str> = Vec::new();
    for segment in dirs.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let mut out = String::new();
    if path.starts_with('/') {
        out.push('/');
    }
    for segment in &kept {
        out.push_str(segment);
        out.push('/');
    }
    out.push_str(last);
    out
}

/// Parameters by name, then value, without regard to case; one without `=` first, a bare `*` last.
fn sort_parameters(query: &str) -> String {
    if !query.contains('&') {
        return query.to_owned();
    }
    let mut parameters: Vec<&str> = query.split('&').filter(|p| !p.is_empty()).collect();
    parameters.sort_by_key(|p| {
        let (name, value) = match p.split_once('=') {
            Some((name, value)) => (name, Some(value.to_lowercase())),
            None => (*p, None),
        };
        (*p == "*", name.to_lowercase(), value, (*p).to_owned())
    });
    parameters.join("&")
}
