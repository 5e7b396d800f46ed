//! The canonical form of names and patterns (evaluation.md §3.1, rulings B7 and B12–B18).

use super::fold::fold;

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
    /// Nothing at all (patterns only).
    Empty,
}

/// Whether a scheme is `http` or `https`, `*` after it or none: names and patterns alike.
pub(super) fn is_web_scheme(scheme: &str) -> bool {
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

pub(super) fn canonical(text: &str) -> Result<String, Refusal> {
    match text.split_once("://") {
        Some((scheme, after)) if is_web_scheme(scheme) => {
            canonical_web(&scheme.to_ascii_lowercase(), after)
        }
        Some((scheme, after)) => {
            refuse_mixed(text)?;
            Ok(canonical_url(scheme, after))
        }
        None => {
            refuse_mixed(text)?;
            Ok(clean_path(text))
        }
    }
}

/// RFC 3986 §6.2.2 with AM's collapsing of empty segments and sorting of parameters.
fn canonical_web(scheme: &str, after: &str) -> Result<String, Refusal> {
    let after = after
        .split('#')
        .next()
        .unwrap_or("")
        .trim_start_matches('/');
    if after == "*" {
        return Ok(format!("{scheme}://*"));
    }
    let Pieces {
        authority,
        path,
        query,
    } = pieces(after);
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
    let mut out = if host.is_empty() {
        format!("{scheme}://{path}")
    } else {
        format!("{scheme}://{host}:{port}{path}")
    };
    if let Some(query) = query {
        out.push('?');
        out.push_str(&query);
    }
    Ok(out)
}

/// A name with `://` that is not http: only its path is cleaned.
fn canonical_url(scheme: &str, after: &str) -> String {
    let (before, query) = after.split_at(after.find('?').unwrap_or(after.len()));
    let (authority, path) = split_authority(before);
    format!("{scheme}://{authority}{}{query}", clean_path(path))
}

/// What follows the `://` of a name that is not http, cut at its first `/`: there `?` is an ordinary character.
pub(super) fn split_authority(after: &str) -> (&str, &str) {
    after.split_at(after.find('/').unwrap_or(after.len()))
}

pub(super) struct Pieces {
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
}

/// Splits what follows `://` into authority, path and the query after the first `?`.
pub(super) fn pieces(after: &str) -> Pieces {
    let (before, query) = match after.split_once('?') {
        Some((before, query)) => (before, Some(query.to_owned())),
        None => (after, None),
    };
    let (authority, path) = before.split_at(before.find('/').unwrap_or(before.len()));
    Pieces {
        authority: authority.to_owned(),
        path: path.to_owned(),
        query,
    }
}

/// Host and port: the port is what follows the last `:`, unless that stands inside brackets (RFC 3986 §3.2).
pub(super) fn split_port(authority: &str) -> (String, Option<String>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host.to_owned(), Some(port.to_owned())),
        _ => (authority.to_owned(), None),
    }
}

fn canonical_host(host: &str) -> Result<String, Refusal> {
    if let Some(inner) = host.strip_prefix('[') {
        let literal = inner.strip_suffix(']').ok_or(Refusal::Host)?;
        let without = literal.replace("-*-", "").replace('*', "");
        if without.len() < literal.len() {
            // Several addresses: what is written is compared, there is no other form to give it.
            let legal = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '.';
            return if without.chars().all(legal) {
                Ok(format!("[{}]", literal.to_ascii_lowercase()))
            } else {
                Err(Refusal::Host)
            };
        }
        let address: std::net::Ipv6Addr = literal.parse().map_err(|_| Refusal::Host)?;
        return Ok(format!("[{address}]"));
    }
    if host.contains(['[', ']']) {
        return Err(Refusal::Host);
    }
    if host.contains(':') {
        return Err(Refusal::Port);
    }
    Ok(fold(&percent_normal(host)))
}

fn canonical_port(port: &str, scheme: &str) -> Result<String, Refusal> {
    if port.is_empty() {
        return Ok(default_port(scheme).to_owned());
    }
    let digits = port.replace('*', "");
    if port.contains("-*-") || !(digits.is_empty() || digits.parse::<i32>().is_ok()) {
        return Err(Refusal::Port);
    }
    // A number is written without leading zeros.
    match digits.parse::<i32>() {
        Ok(number) if port.bytes().all(|b| b.is_ascii_digit()) => Ok(number.to_string()),
        _ => Ok(port.to_owned()),
    }
}

fn refuse_mixed(part: &str) -> Result<(), Refusal> {
    let without = part.replace("-*-", "");
    if part.contains("-*-") && without.contains('*') {
        Err(Refusal::MixedWildcards)
    } else {
        Ok(())
    }
}

/// Decodes percent-encoded unreserved characters and writes the other encodings in capitals.
fn percent_normal(text: &str) -> String {
    let form = percent_decoded(text);
    if form == text {
        form
    } else {
        percent_normal(&form)
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let pair = bytes
            .get(at + 1..at + 3)
            .filter(|p| byte == b'%' && p.iter().all(u8::is_ascii_hexdigit));
        let value = pair
            .and_then(|p| std::str::from_utf8(p).ok())
            .and_then(|p| u8::from_str_radix(p, 16).ok());
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
    let end = if slash_at_end && !kept.is_empty() {
        "/"
    } else {
        ""
    };
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
            Some((name, value)) => (name, Some(fold(value))),
            None => (*p, None),
        };
        (*p == "*", fold(name), value, (*p).to_owned())
    });
    parameters.join("&")
}
