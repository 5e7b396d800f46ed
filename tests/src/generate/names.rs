//! Resource patterns that overlap, and names near them.

use super::rng::Rng;

const HOSTS: [&str; 8] = [
    "h",
    "a.h",
    "www.example.com",
    "app.example.com",
    "example.com",
    "a.b.example.com",
    "[2001:db8::1]",
    "127.0.0.1",
];
const HOST_PATTERNS: [&str; 11] = [
    "*",
    "*.example.com",
    "www.*",
    "*example.com",
    "a*",
    "*.h",
    "-*-.example.com",
    "w*.example.*",
    "*.b.example.com",
    "www.example.com*",
    "-*-",
];
const PORTS: [&str; 12] = [
    "", "", "", "", ":80", ":443", ":8080", ":8443", ":*", ":8*", ":80*", ":*43",
];
const SEGMENTS: [&str; 21] = [
    "a",
    "b",
    "ab",
    "abc",
    "index.html",
    "Public",
    "public",
    "x.html",
    "~u",
    "%7Eu",
    "a%2Fb",
    "docs",
    "é",
    "a b",
    "..b",
    "%C3%A9",
    "Straße",
    "İx",
    "ΑΣ",
    "$SELF",
    "ας",
];
const QUERIES: [&str; 10] = [
    "x=1",
    "x=1&y=2",
    "y=2&x=1",
    "X=1&a",
    "a",
    "",
    "b=%41&a=1",
    "x=1?y=2",
    "*",
    "a&&b=2",
];
const QUERY_PATTERNS: [&str; 8] = ["*", "x=*", "x=1&*", "*&y=2", "-*-", "x=-*-", "a*", "*=1*"];
const OTHER_NAMES: [&str; 12] = [
    "urn:x:a",
    "urn:x:a:b",
    "a/b",
    "/a/b",
    "foo",
    "a",
    "/",
    "",
    "ftp://h/a",
    "ftp://h:21/a/b?c",
    "sms://h/",
    "a//b/./c",
];
const OTHER_PATTERNS: [&str; 16] = [
    "*",
    "urn:*",
    "urn:x:-*-",
    "a/*",
    "/*",
    "a/-*-",
    "/-*-/b",
    "foo*",
    "ftp://*/a",
    "ftp://h/*",
    "ftp://*:*/*",
    "*://h/*",
    "s*://h/-*-",
    "urn:x:*b",
    "-*-",
    "/a*",
];

/// Which wildcard a path uses: the two may not meet in one.
#[derive(Clone, Copy)]
enum Wild {
    None,
    Run,
    Level,
}

/// A resource pattern as an administrator may write it.
pub fn pattern(rng: &mut Rng) -> String {
    match rng.below(100) {
        0..2 => return rng.pick(&["http://*", "https://*", "http*://*"]).to_owned(),
        2..4 => {
            return rng
                .pick(&["*://*:*/*", "*://*:*/*?*", "http*://*:*/*", "*://h:*/a*"])
                .to_owned();
        }
        4..14 => return rng.pick(&OTHER_PATTERNS).to_owned(),
        14..17 => return rng.pick(&OTHER_NAMES).to_owned(),
        _ => {}
    }
    let scheme = rng.pick(&[
        "http", "http", "http", "https", "https", "http*", "*", "HTTP", "ht*", "-*-",
    ]);
    let host = if rng.chance(30) {
        rng.pick(&HOST_PATTERNS)
    } else {
        rng.pick(&HOSTS)
    };
    let port = rng.pick(&PORTS);
    let wild = [Wild::None, Wild::Run, Wild::Run, Wild::Level]
        .get(rng.below(4))
        .copied()
        .unwrap_or(Wild::None);
    let mut out = format!("{scheme}://{host}{port}{}", path(rng, wild));
    if rng.chance(30) {
        out.push('?');
        out.push_str(if rng.chance(60) {
            rng.pick(&QUERY_PATTERNS)
        } else {
            rng.pick(&QUERIES)
        });
    }
    if rng.chance(10) {
        respell(rng, &out)
    } else {
        out
    }
}

fn path(rng: &mut Rng, wild: Wild) -> String {
    if rng.chance(6) {
        return String::new();
    }
    let mut out = String::new();
    for _ in 0..1 + rng.below(3) {
        out.push('/');
        out.push_str(&segment(rng, wild));
    }
    if rng.chance(20) {
        out.push('/');
    }
    out
}

fn segment(rng: &mut Rng, wild: Wild) -> String {
    let star = match wild {
        Wild::None => return rng.pick(&SEGMENTS).to_owned(),
        Wild::Run => "*",
        Wild::Level => "-*-",
    };
    match rng.below(8) {
        0..3 => star.to_owned(),
        3 => format!("a{star}"),
        4 => format!("{star}b"),
        5 => format!("{star}a{star}"),
        6 => format!("{star}.html"),
        _ => rng.pick(&SEGMENTS).to_owned(),
    }
}

/// A name as a client may ask for it: near one of the patterns, or anything.
pub(super) fn name(rng: &mut Rng, patterns: &[String]) -> String {
    let mut out = match patterns.get(rng.below(patterns.len())) {
        Some(near) if rng.chance(85) => fill(rng, near),
        _ if rng.chance(12) => rng.pick(&OTHER_NAMES).to_owned(),
        _ => {
            let scheme = rng.pick(&["http", "http", "https", "http*"]);
            let port = rng.pick(&["", "", "", ":80", ":443", ":8080", ":8443", ":81"]);
            format!(
                "{scheme}://{}{port}{}",
                rng.pick(&HOSTS),
                path(rng, Wild::None)
            )
        }
    };
    if rng.chance(12) && out.contains("://") && !out.contains('?') {
        out.push('?');
        out.push_str(rng.pick(&QUERIES));
    }
    if rng.chance(25) {
        respell(rng, &out)
    } else {
        out
    }
}

/// A root for a tree: a name, or part of one.
pub fn root(rng: &mut Rng, patterns: &[String]) -> String {
    let whole = name(rng, patterns);
    let Some(start) = whole.find("://").map(|n| n + 3) else {
        return if whole.is_empty() {
            "/".to_owned()
        } else {
            whole
        };
    };
    let mut ends: Vec<usize> = whole
        .char_indices()
        .filter(|(n, c)| *n >= start && *c == '/')
        .flat_map(|(n, _)| [n, n + 1])
        .collect();
    ends.push(whole.len());
    let end = ends
        .get(rng.below(ends.len()))
        .copied()
        .unwrap_or(whole.len());
    whole.get(..end).unwrap_or(&whole).to_owned()
}

/// A name that the pattern may cover: its wildcards replaced.
pub fn fill(rng: &mut Rng, pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    let mut in_scheme = pattern.contains("://");
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("://") {
            in_scheme = false;
        }
        let level = rest.starts_with("-*-");
        if level || first == '*' {
            let authority = out
                .split_once("://")
                .map(|(_, a)| a)
                .filter(|a| !a.contains(['/', '?']));
            let port = authority
                .and_then(|a| a.rsplit_once(':'))
                .filter(|(_, p)| p.chars().all(|c| c.is_ascii_digit()));
            out.push_str(match (in_scheme, port, level) {
                (true, _, _) if out.is_empty() => rng.pick(&["http", "https", "ftp"]),
                (true, _, _) => rng.pick(&["", "s", "tp", "tps"]),
                (_, Some((_, "")), _) => rng.pick(&["80", "443", "8080", "8443"]),
                (_, Some(_), _) => rng.pick(&["", "0", "80", "443"]),
                _ if authority.is_some() => rng.pick(&["", "a", "www", "b.example", "a.b", "w"]),
                (_, _, true) => rng.pick(&["", "a", "b", "ab", "x.html", "a/", "www", "a/b"]),
                _ => rng.pick(&[
                    "", "a", "b", "a/b", "/", "b.html", "www", "x=1", "a?b", "docs/", "A",
                ]),
            });
            rest = rest.get(if level { 3 } else { 1 }..).unwrap_or("");
        } else {
            out.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or("");
        }
    }
    out
}

/// The same name, or nearly, spelled otherwise.
fn respell(rng: &mut Rng, name: &str) -> String {
    let in_path = name
        .find("://")
        .and_then(|n| name.get(n + 3..)?.find('/').map(|m| n + 3 + m));
    let insert = |at: usize, text: &str| {
        format!(
            "{}{text}{}",
            name.get(..at).unwrap_or(""),
            name.get(at..).unwrap_or("")
        )
    };
    match (rng.below(11), in_path) {
        (0, _) => name.to_uppercase(),
        (1, _) => name.replacen("http", "HtTp", 1),
        (2, Some(at)) => insert(at, "/."),
        (3, Some(at)) => insert(at, "/b/.."),
        (4, Some(at)) => insert(at, "//"),
        (5, Some(at)) => insert(at, "/b/%2e%2E"),
        (6, _) => name.replace('a', "%61"),
        (7, Some(_)) => format!("{name}/.."),
        (8, Some(_)) => format!("{name}#f?g"),
        (9, Some(_)) if !name.contains('?') => format!("{name}/."),
        (10, Some(_)) if !name.contains('?') => format!("{name}%2f"),
        _ => format!("{name}/"),
    }
}
