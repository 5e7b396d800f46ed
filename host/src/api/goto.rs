//! Where clients go after a log-in, if they say so.

/// The address, where a client may be sent there: AM's, as long as nobody lists addresses. INVARIANT: whoever follows it
/// loads a page, and runs nothing (`javascript:`, `data:`).
pub(crate) fn followed(goto: &str) -> Option<&str> {
    let in_addresses =
        |c: char| !c.is_control() && !c.is_whitespace() && !"<>\"{}|\\^`".contains(c);
    let before_colon = goto.split_once(':').map(|(before, _)| before);
    let scheme = before_colon.filter(|before| !before.contains(['/', '?', '#']));
    let page = scheme.is_none_or(|scheme| matches!(scheme, "http" | "https"));
    (page && !goto.is_empty() && goto.chars().all(in_addresses)).then_some(goto)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_followed_and_nothing_else() {
        for page in ["http://a.b/c?d=e#f", "https://a", "/x", "x?y=a:b", "?a=b"] {
            assert_eq!(followed(page), Some(page));
        }
        for other in [
            "",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://a/b",
            "HTTP://a",
            "a b",
            ":x",
            "/a\nb",
        ] {
            assert_eq!(followed(other), None, "{other}");
        }
    }
}
