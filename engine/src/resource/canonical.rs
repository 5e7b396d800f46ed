use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

use super::fold;

/// Why a text is not a resource name. The messages name the fault; the caller adds the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameError {
    /// `user@host` or `user:password@host`: never part of a resource.
    UserInfo,
    /// The text after the host's colon is not a port.
    Port(String),
    /// A port without a host.
    NoHost,
    /// `[…]` that is no IPv6 address.
    Ipv6(String),
    /// Both `*` and `-*-` in one name.
    MixedWildcards,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UserInfo => f.write_str("user information (`user@host`) is not allowed"),
            Self::Port(port) => write!(f, "invalid port `{port}`"),
            Self::NoHost => f.write_str("a port without a host"),
            Self::Ipv6(host) => write!(f, "`{host}` is not an IPv6 address"),
            Self::MixedWildcards => {
                f.write_str("the wildcards `*` and `-*-` cannot be mixed in one name")
            }
        }
    }
}

/// The normal form of a resource name or pattern, case kept where RFC 3986 keeps it.
///
/// For http(s) names: scheme and host in lower case, the default port added, `.` and `..`
/// segments removed, empty segments collapsed, percent-encoded unreserved characters decoded and
/// other escapes in upper case, the fragment dropped, query parameters sorted without regard to
/// case (a parameter that is only `*` last). Other names are cleaned as AM cleans them: empty
/// segments, and `.` and `..` followed by `/`.
///
/// # Errors
/// [`NameError`] says which part cannot be a resource name.
pub fn canonical(name: &str) -> Result<String, NameError> {
    match name.split_once("://") {
        Some((scheme, rest)) if is_http_like(scheme) => http(&scheme.to_ascii_lowercase(), rest),
        Some((scheme, rest)) => {
            check_wildcards(name)?;
            Ok(other(scheme, rest))
        }
        None => {
            check_wildcards(name)?;
            Ok(clean(name))
        }
    }
}

/// Whether a scheme is `http` or `https`, or a pattern of one (`http*`), whatever its case.
pub(crate) fn is_http_like(scheme: &str) -> bool {
    let bytes = scheme.as_bytes();
    let Some(rest) = bytes.get(4..).filter(|_| {
        bytes
            .get(..4)
            .is_some_and(|s| s.eq_ignore_ascii_case(b"http"))
    }) else {
        return false;
    };
    let rest = match rest.first() {
        Some(b's' | b'S') => rest.get(1..).unwrap_or_default(),
        _ => rest,
    };
    rest.iter().all(|&b| b == b'*')
}

fn http(scheme: &str, rest: &str) -> Result<String, NameError> {
    let rest = rest
        .split('#')
        .next()
        .unwrap_or_default()
        .trim_start_matches('/');
    let mut out = String::with_capacity(scheme.len() + rest.len() + 8);
    out.push_str(scheme);
    out.push_str("://");
    if rest == "*" {
        // AM documents `http://*` as "every http URL": it has no port or path of its own.
        out.push('*');
        return Ok(out);
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    push_authority(&mut out, scheme, authority)?;
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    // An escape may spell a wildcard's hyphens, so the check follows the decoding.
    let path = unescape(path);
    check_wildcards(&path)?;
    push_path(&mut out, &path);
    if let Some(query) = query {
        out.push('?');
        push_query(&mut out, &unescape(query));
    }
    Ok(out)
}

fn push_authority(out: &mut String, scheme: &str, authority: &str) -> Result<(), NameError> {
    if authority.contains('@') {
        return Err(NameError::UserInfo);
    }
    let (host, port) = if let Some(inner) = authority.strip_prefix('[') {
        let (inner, after) = inner
            .split_once(']')
            .ok_or_else(|| NameError::Ipv6(authority.to_owned()))?;
        let port = match after.strip_prefix(':') {
            Some(port) => port,
            None if after.is_empty() => "",
            None => return Err(NameError::Ipv6(authority.to_owned())),
        };
        let host = if is_ipv6_pattern(inner) {
            inner.to_ascii_lowercase()
        } else {
            let address: Ipv6Addr = inner
                .parse()
                .map_err(|_| NameError::Ipv6(format!("[{inner}]")))?;
            address.to_string()
        };
        (format!("[{host}]"), port)
    } else {
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        if host.contains(['[', ']']) {
            return Err(NameError::Ipv6(host.to_owned()));
        }
        if host.is_empty() && !authority.is_empty() {
            return Err(NameError::NoHost);
        }
        (fold(&unescape(host)).into_owned(), port)
    };
    if host.is_empty() {
        return Ok(());
    }
    out.push_str(&host);
    out.push(':');
    push_port(out, scheme, port)
}

/// Whether what brackets hold stands for several addresses: an address's characters, and wildcards among them.
fn is_ipv6_pattern(inner: &str) -> bool {
    let literal = inner.replace("-*-", "*");
    literal.contains('*')
        && literal
            .bytes()
            .all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.' | b'*'))
}

fn push_port(out: &mut String, scheme: &str, port: &str) -> Result<(), NameError> {
    let digits = port.replace('*', "");
    if port.is_empty() {
        out.push_str(match scheme {
            "http" => "80",
            "https" => "443",
            _ => "*",
        });
    } else if digits.is_empty() {
        out.push_str(port);
    } else {
        let number: i32 = digits
            .parse()
            .map_err(|_| NameError::Port(port.to_owned()))?;
        if digits.len() == port.len() && digits.bytes().all(|b| b.is_ascii_digit()) {
            out.push_str(&number.to_string());
        } else {
            out.push_str(port);
        }
    }
    Ok(())
}

/// Appends an absolute path with its dot segments and empty segments removed (RFC 3986 §5.2.4).
fn push_path(out: &mut String, path: &str) {
    if path.is_empty() {
        return;
    }
    let start = out.len();
    let mut directory = true;
    for segment in path.split('/').skip(1) {
        directory = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => {
                let parent = out
                    .get(start..)
                    .and_then(|p| p.rfind('/'))
                    .map_or(start, |i| start + i);
                out.truncate(parent);
            }
            _ => {
                out.push('/');
                out.push_str(segment);
            }
        }
    }
    if directory {
        out.push('/');
    }
}

fn push_query(out: &mut String, query: &str) {
    if !query.contains('&') {
        out.push_str(query);
        return;
    }
    // Sorted: parameters before a lone `*`, then by name, then value; one without a value first.
    let order = |parameter: &'_ str| match parameter.split_once('=') {
        Some((name, value)) => (
            false,
            fold(name).into_owned(),
            Some(fold(value).into_owned()),
        ),
        None => (parameter == "*", fold(parameter).into_owned(), None),
    };
    let mut parameters: Vec<&str> = query.split('&').filter(|p| !p.is_empty()).collect();
    parameters.sort_by_cached_key(|parameter| (order(parameter), *parameter));
    for (i, parameter) in parameters.iter().enumerate() {
        if i > 0 {
            out.push('&');
        }
        out.push_str(parameter);
    }
}

/// Decodes percent-encoded unreserved characters and writes every other escape in upper case
/// (RFC 3986 §6.2.2.1 and §6.2.2.2). What is no escape stays as it is.
///
/// From the end to the beginning: a malformed escape may become one when what follows it is decoded
/// (`%2%61` is `%2a`), and the normal form must be its own.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut backwards: Vec<u8> = Vec::with_capacity(text.len());
    for byte in text.bytes().rev() {
        let digits = match backwards.as_slice() {
            [.., low, high]
                if byte == b'%' && low.is_ascii_hexdigit() && high.is_ascii_hexdigit() =>
            {
                (*high, *low)
            }
            _ => {
                backwards.push(byte);
                continue;
            }
        };
        let (high, low) = digits;
        backwards.truncate(backwards.len() - 2);
        let value = hex_value(high) * 16 + hex_value(low);
        if value.is_ascii_alphanumeric() || matches!(value, b'-' | b'.' | b'_' | b'~') {
            backwards.push(value);
        } else {
            backwards.extend([low.to_ascii_uppercase(), high.to_ascii_uppercase(), b'%']);
        }
    }
    backwards.reverse();
    // Only ASCII was taken out or put in, so this is still the UTF-8 that it was.
    Cow::Owned(String::from_utf8(backwards).unwrap_or_else(|_| text.to_owned()))
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.wrapping_sub(b'A').wrapping_add(10),
    }
}

fn other(scheme: &str, rest: &str) -> String {
    let path = rest.find('/').unwrap_or(rest.len());
    let query = rest.find('?').unwrap_or(rest.len()).max(path);
    let (authority, path_and_query) = rest.split_at(path);
    let (path, query) = path_and_query.split_at(query - path);
    format!("{scheme}://{authority}{}{query}", clean(path))
}

/// AM's cleaning of a path: empty segments go, `.` goes, `..` takes its predecessor with it, each
/// only where a `/` follows.
fn clean(path: &str) -> String {
    let (body, last) = match path.rsplit_once('/') {
        Some(parts) => parts,
        None => return path.to_owned(),
    };
    let mut kept: Vec<&str> = Vec::new();
    for segment in body.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    let mut out = String::with_capacity(path.len());
    if path.starts_with('/') {
        out.push('/');
    }
    for segment in kept {
        out.push_str(segment);
        out.push('/');
    }
    out.push_str(last);
    out
}

fn check_wildcards(text: &str) -> Result<(), NameError> {
    if text.contains("-*-") && text.replace("-*-", "").contains('*') {
        return Err(NameError::MixedWildcards);
    }
    Ok(())
}
