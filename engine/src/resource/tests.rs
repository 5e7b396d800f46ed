#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use super::name::Name;
use super::pieces::Pieces;
use super::{NameError, TreeRows, canonical, fold, type_covers};
use crate::bundle::Strings;
use crate::resource::glob::Glob;

/// A small deterministic source of numbers (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn text(&mut self, parts: &[&str], most: usize) -> String {
        (0..self.below(most + 1))
            .map(|_| parts[self.below(parts.len())])
            .collect()
    }
}

#[test]
fn the_short_way_splits_as_the_long_way_does() {
    let mut numbers = Numbers(7);
    let parts = [
        "a", "b.c", "/", "//", ".", "..", "/.", "?", "&", "=", ":", ":80", ":0", "%41", "A", "#",
        "*", "@", "-*-", "é", "[", "::1]",
    ];
    let mut short = 0;
    for _ in 0..200_000 {
        let text = format!(
            "{}{}",
            ["http://", "https://", "HTTP://"][numbers.below(3)],
            numbers.text(&parts, 6)
        );
        let Ok(canonical) = canonical(&text) else {
            assert!(Name::parse(&text).is_err(), "{text}");
            continue;
        };
        let folded = fold(&canonical);
        let name = Name::parse(&text).unwrap();
        assert_eq!(name, Name::split(&folded), "{text}");
        short += usize::from(
            matches!(&name, Name::Http(n) if matches!(n.path, std::borrow::Cow::Borrowed(_))),
        );
    }
    assert!(short > 1_000, "the short way was hardly taken: {short}");
}

#[test]
fn a_normal_form_is_its_own() {
    let mut numbers = Numbers(11);
    let parts = [
        "http://", "ftp://", "*", "a", "B", "/", "..", ".", "?", "&", "x=1", "%2e", "%2F", "%zz",
        "#", ":", "80", "-*-", " ",
    ];
    for _ in 0..200_000 {
        let text = numbers.text(&parts, 8);
        if let Ok(once) = canonical(&text) {
            assert_eq!(canonical(&once), Ok(once.clone()), "{text}");
        }
    }
}

/// What a glob covers, by trying everything.
fn covers_naively(pieces: &Pieces<'_>, from: usize, text: &str) -> bool {
    let Some(rest) = text.strip_prefix(pieces.literals[from]) else {
        return false;
    };
    let Some(one_level) = pieces.is_one_level(from) else {
        return rest.is_empty();
    };
    let at_the_end = from + 2 == pieces.literals.len() && pieces.literals[from + 1].is_empty();
    (0..=rest.len()).any(|end| {
        let taken = &rest[..end];
        let taken = if one_level && at_the_end && end == rest.len() {
            taken.strip_suffix('/').unwrap_or(taken)
        } else {
            taken
        };
        (!one_level || !taken.contains('/')) && covers_naively(pieces, from + 1, &rest[end..])
    })
}

fn with_glob<T>(pieces: &Pieces<'_>, use_it: impl FnOnce(Glob<'_>) -> T) -> T {
    let mut strings = Strings {
        text: String::new(),
        offsets: vec![0],
    };
    let mut words = Vec::new();
    pieces.encode(&mut words, |literal| {
        strings.text.push_str(literal);
        strings.offsets.push(strings.text.len() as u32);
        strings.count() as u32 - 1
    });
    use_it(Glob::decode(&words, &strings).unwrap())
}

#[test]
fn a_glob_covers_what_trying_everything_covers() {
    let mut numbers = Numbers(3);
    for _ in 0..200_000 {
        let kinds: [&[&str]; 3] = [
            &["a", "b", "/", "*"],
            &["a", "b", "/", "-*-"],
            &["a", "/", "*", "-*-"],
        ];
        let kind = kinds[numbers.below(3)];
        let part = numbers.text(kind, 7);
        let text = numbers.text(&["a", "b", "/"], 7);
        let pieces = Pieces::split(&part).unwrap();
        let expected = covers_naively(&pieces, 0, &text);
        assert_eq!(
            with_glob(&pieces, |glob| glob.covers(&text)),
            expected,
            "{part} {text}"
        );
    }
}

#[test]
fn a_glob_covers_something_from_a_prefix_when_some_text_shows_it() {
    let mut numbers = Numbers(5);
    let mut endings = vec![String::new()];
    for _ in 0..4 {
        let longer: Vec<String> = endings
            .iter()
            .flat_map(|e| ["a", "b", "/"].map(|c| format!("{e}{c}")))
            .collect();
        endings.extend(longer);
    }
    for _ in 0..1_000 {
        let kinds: [&[&str]; 2] = [&["a", "b", "/", "*"], &["a", "b", "/", "-*-"]];
        let kind = kinds[numbers.below(2)];
        let part = numbers.text(kind, 4);
        let prefix = numbers.text(&["a", "b", "/"], 3);
        let pieces = Pieces::split(&part).unwrap();
        let shown = endings
            .iter()
            .any(|e| covers_naively(&pieces, 0, &format!("{prefix}{e}")));
        assert_eq!(
            with_glob(&pieces, |glob| glob.covers_something_from(&prefix)),
            shown,
            "{part} {prefix}"
        );
    }
}

#[test]
fn wildcards_keep_to_their_bound_whatever_a_pattern_is_to_cover() {
    let most = crate::limits::MAX_WILDCARDS;
    let stars = |count: usize| "a*".repeat(count);
    let fits = |pattern: String| super::wildcards_fit(&pattern);
    assert!(fits(format!("http://h:80/{}?{}", stars(most), stars(most))));
    assert!(!fits(format!("http://h:80/{}", stars(most + 1))));
    assert!(!fits(format!("http://h:80/?{}", stars(most + 1))));
    // For names that are not http(s) the `?` is an ordinary character, and both are one part.
    assert!(!fits(format!(
        "http*://h:*/{}?{}",
        stars(most),
        stars(most)
    )));
    assert!(fits(format!("http*://h:*/{}?b", stars(most))));
}

#[test]
fn escapes_have_one_spelling() {
    for (text, form) in [
        ("http://h/%7Ea%2f%c3%A9", "http://h:80/~a%2F%C3%A9"),
        ("http://h/%2%61e", "http://h:80/%2Ae"),
        ("http://h/%%41b", "http://h:80/%AB"),
        ("http://h/%2541", "http://h:80/%2541"),
        ("http://h/é%", "http://h:80/é%"),
        ("http://h/%2e%2E/x", "http://h:80/x"),
    ] {
        assert_eq!(canonical(text), Ok(form.to_owned()), "{text}");
    }
}

#[test]
fn what_is_no_name_says_why() {
    assert_eq!(canonical("http://ann@h/"), Err(NameError::UserInfo));
    assert_eq!(
        canonical("http://h:x/"),
        Err(NameError::Port("x".to_owned()))
    );
    assert_eq!(canonical("http://:80/"), Err(NameError::NoHost));
    assert_eq!(
        canonical("http://[::g]/"),
        Err(NameError::Ipv6("[::g]".to_owned()))
    );
    assert_eq!(canonical("http://h/*/-*-"), Err(NameError::MixedWildcards));
    assert_eq!(
        canonical("http://h/%2D*%2D/*"),
        Err(NameError::MixedWildcards)
    );
}

#[test]
fn the_url_type_admits_urls() {
    let fits = |resource: &str| {
        let resource = canonical(resource).unwrap();
        ["*://*:*/*", "*://*:*/*?*"]
            .iter()
            .any(|pattern| type_covers(pattern, &resource))
    };
    for resource in [
        "http://h",
        "http://h/",
        "http://h/a?b=c",
        "http://*",
        "http://*:*/*",
        "http*://h/*",
        "http*://h:80/*",
        "*://h:80/*",
        "ftp://h:21/a",
        "HTTP://h/a",
        "http://-*-/a",
        "https://[::1]/a",
    ] {
        assert!(fits(resource), "{resource}");
    }
    for resource in ["foo", "*", "*://h/*", "ftp://h/a"] {
        assert!(!fits(resource), "{resource}");
    }
    assert!(type_covers("shop://*", "shop://x"));
    assert!(type_covers("shop://*", "shop://x/y"));
    assert!(!type_covers("shop://*", "mart://x"));
}

#[test]
fn rows_of_a_tree_cover_names_at_or_beneath_its_root() {
    let mut rows = TreeRows::new("https://h/docs/*").unwrap();
    for pattern in [
        "https://*:*/docs/a",
        "https://h:443/*?x=*",
        "http*://*",
        "h*://x/*",
    ] {
        rows.add(pattern).unwrap();
    }
    // The root is a name: only what begins like it is beneath it, though as a pattern it covers more.
    assert_eq!(rows.covering("https://h/docs/a"), Ok(None));
    assert_eq!(rows.covering("https://H:443/docs/*"), Ok(Some(vec![0, 3])));
    assert_eq!(
        rows.covering("https://h/docs/*/x?X=1"),
        Ok(Some(vec![2])),
        "the root has no query"
    );

    let mut rows = TreeRows::new("https://h").unwrap();
    rows.add("https://*:*/docs/-*-").unwrap();
    assert_eq!(rows.covering("https://h/docs/a/"), Ok(Some(vec![1])));
    assert_eq!(rows.covering("https://h/docs/a/b"), Ok(Some(vec![])));
    assert_eq!(rows.covering("https://other/docs/a"), Ok(None));
    assert_eq!(rows.covering("https://u@h/docs"), Err(NameError::UserInfo));
    assert!(rows.add(&"*a".repeat(40)).is_err());
}
