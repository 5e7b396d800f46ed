#![allow(
    clippy::unwrap_used,
    reason = "a test stops where its own data is wrong"
)]

use super::compare::{at_least, at_most, equals, extensible, substring};
use super::*;

fn read(text: &str) -> Filter {
    Filter::parse(text).unwrap()
}

fn matches(text: &str) -> bool {
    let entry: Vec<(&str, Vec<String>)> = [
        ("mail", vec!["a@co.test"]),
        ("sn", vec!["Aye"]),
        ("cn", vec!["Barbara  Jensen", "Babs"]),
        ("age", vec!["9"]),
        ("flags", vec!["6"]),
        ("bracket", vec!["(x*y)\\"]),
        ("none", vec![]),
    ]
    .into_iter()
    .map(|(name, values)| (name, values.into_iter().map(str::to_owned).collect()))
    .collect();
    let values = |name: &str| {
        entry
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, values)| values.as_slice())
    };
    read(text).matches(&values)
}

#[test]
fn filters_over_a_user() {
    for (filter, expected) in [
        ("(mail=a@co.test)", true),
        ("(mail=b@co.test)", false),
        ("sn=aye", true),
        ("(&(mail=*)(sn=Aye))", true),
        ("(!(sn=Bee))", true),
        ("(mail=*@co.*)", true),
        ("(cn=Barbara Jensen)", true),
        ("  (CN= babs )  ", true),
        ("(|(sn=Bee)(sn=AYE))", true),
        ("(&(sn=aye)(sn=bee))", false),
        ("(missing=x)", false),
        ("(!(missing=x))", true),
        ("(missing=*)", false),
        ("(none=*)", false),
        ("(age>=10)", false),
        ("(age>=9)", true),
        ("(age<=10)", true),
        ("(sn>=axe)", true),
        ("(sn<=axe)", false),
        ("(sn~=aye)", true),
        ("(&)", true),
        ("(|)", false),
        ("&(sn=aye)(age=9)", true),
        ("!(sn=bee)", true),
        ("(sn:=aye)", true),
        ("(sn:caseExactMatch:=aye)", false),
        ("(sn:caseExactMatch:=Aye)", true),
        ("(sn:dn:2.5.13.2:=AYE)", true),
        ("(:caseIgnoreMatch:=aye)", false),
        ("(sn:unheardOfMatch:=aye)", false),
        ("(flags:1.2.840.113556.1.4.803:=2)", true),
        ("(flags:1.2.840.113556.1.4.803:=3)", false),
        ("(flags:1.2.840.113556.1.4.804:=3)", true),
        ("(age:integerMatch:=09)", true),
        (r"(bracket=\28x\2Ay\29\5c)", true),
        (r"(bracket=*\2a*)", true),
        ("(cn=b*b*s)", true),
        ("(cn=bab*abs)", false),
    ] {
        assert_eq!(matches(filter), expected, "{filter}");
    }
}

#[test]
fn malformed_filters_are_refused() {
    for bad in [
        "",
        "  ",
        "(&(mail=*)",
        "((",
        "(",
        ")",
        "()",
        "(a)",
        "a",
        "=x",
        "(=x)",
        "(a=b",
        "(a=b))",
        "(a=b)(c=d)",
        "(!)",
        "(!(a=b)(c=d))",
        "(&(a=b)c=d)",
        "(& (a=b))",
        "( a=b)",
        "(a b=c)",
        r"(a=\)",
        r"(a=\2)",
        r"(a=\zz)",
        r"(a=\ff)",
        "(a=b\0c)",
        "(a=**)",
        "(a=b**c)",
        "(a>=b*)",
        "(1a=b)",
        "(a;=b)",
        "(a;x y=b)",
        "(01.2=b)",
        "(1..2=b)",
        "(:=x)",
        "(:dn:=x)",
        "(a:b:c:=x)",
        "(a::=x)",
        "(é=x)",
        "(a~=*)",
    ] {
        // `*` is no value of an ordering or approximate match: RFC 4515 wants it escaped there.
        assert!(Filter::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn printing_and_reading_again_gives_the_same() {
    for text in [
        "(a=b)",
        "(&(a=b)(|(c>=d)(!(e<=f)))(g~=h))",
        "(a=*)",
        "(a=*b*)",
        "(a=b*c*d*e)",
        "(a=b*)",
        "(a=*b)",
        r"(a=\2a\28\29\5c\00)",
        "(a:=b)",
        "(a:dn:=b)",
        "(a:dn:2.5.13.5:=b)",
        "(:x:=b)",
        "(:dn:x:=b)",
        "(cn;lang-de=ü)",
        "(2.5.4.3=x)",
        "(&)",
        "(|)",
        "(a=)",
        "(a= b )",
    ] {
        let filter = read(text);
        assert_eq!(filter.to_string(), text);
        assert_eq!(read(&filter.to_string()), filter);
    }
    assert_eq!(read("MAIL=x").to_string(), "(mail=x)");
    assert_eq!(read(r"(a=\c3\bc)").to_string(), "(a=ü)");
}

#[test]
fn bounds_hold_and_are_named() {
    let nested = |depth: usize| format!("{}(a=b){}", "(!".repeat(depth - 1), ")".repeat(depth - 1));
    assert!(Filter::parse(&nested(MAX_DEPTH)).is_ok());
    assert!(
        Filter::parse(&nested(MAX_DEPTH + 1))
            .unwrap_err()
            .contains(&MAX_DEPTH.to_string())
    );
    let wide = |count: usize| format!("(&{})", "(a=b)".repeat(count - 1));
    assert!(Filter::parse(&wide(MAX_COMPONENTS)).is_ok());
    assert!(
        Filter::parse(&wide(MAX_COMPONENTS + 1))
            .unwrap_err()
            .contains(&MAX_COMPONENTS.to_string())
    );
    let long = |length: usize| format!("(a={})", "b".repeat(length - 4));
    assert!(Filter::parse(&long(MAX_LENGTH)).is_ok());
    assert!(
        Filter::parse(&long(MAX_LENGTH + 1))
            .unwrap_err()
            .contains(&MAX_LENGTH.to_string())
    );
}

#[test]
fn values_are_compared_without_case_and_needless_spaces() {
    for (left, right, expected) in [
        ("Barbara  Jensen", " barbara jensen ", true),
        ("ab", "a b", false),
        ("", "  ", true),
        ("ÉTÉ", "été", true),
        ("a", "", false),
        ("a  ", "a", true),
        ("a\tb", "a b", true),
        ("a\u{ad}\u{200b}b\u{1}", "AB", true),
        ("\u{a0}a\u{3000}\u{2028}b\u{85}", "a b", true),
        ("ΟΔΟΣ", "οδος", true),
    ] {
        assert_eq!(equals(left, right), expected, "{left:?} {right:?}");
        assert_eq!(equals(right, left), expected, "{right:?} {left:?}");
    }
    assert!(
        at_least("10", "9")
            && !at_most("10", "9")
            && at_least("b", "A")
            && at_most("20260101Z", "20260101z")
    );
    assert!(at_least("-5", "-10") && at_least("9", "10x"));
    assert!(at_least("00", "-0") && at_most("-0", "0") && !at_least("-1", "0"));
    assert!(
        at_least(
            "100000000000000000000000000000000000000001",
            "99999999999999999999999999999999999999999"
        ),
        "whole numbers have any size"
    );
    assert!(!at_least("+7", "5"), "a plus is of a text");
    assert!(
        extensible(Some("integermatch"), " 007", "7")
            && !extensible(Some("integermatch"), "7", "-7")
    );
    assert!(extensible(Some("1.2.840.113556.1.4.803"), "-1", "5"));
    assert!(!extensible(
        Some("1.2.840.113556.1.4.804"),
        "99999999999999999999",
        "1"
    ));
    assert!(extensible(None, "A", "a") && !extensible(Some("integermatch"), "a", "a"));
}

#[test]
fn substrings_meet_spaces_as_rfc_4518_says() {
    let test = |initial: Option<&str>, any: &[&str], last: Option<&str>, value: &str| {
        substring(initial, any.iter().copied(), last, value)
    };
    for (initial, any, last, value, expected) in [
        (Some("a"), &[][..], None, "ABC", true),
        (None, &["b"], None, "ABC", true),
        (None, &[], Some("c"), "ABC", true),
        (Some("ab"), &[], Some("bc"), "abc", false),
        (Some("ab"), &[], Some("c"), "abc", true),
        (None, &["b", "b"], None, "abc", false),
        (None, &["b", "b"], None, "abcb", true),
        (
            Some("bar"),
            &["ra j"],
            Some("sen"),
            "Barbara   Jensen ",
            true,
        ),
        (Some("bar "), &[], None, "Barbara", false),
        (Some("barbara "), &[], None, "Barbara  J", true),
        (None, &[], Some(" jensen"), "Barbara Jensen", true),
        (Some("  bar"), &[], Some("sen  "), "Barbara Jensen", true),
        (None, &["aab"], None, "aaab", true),
        (None, &[], None, "", true),
        (Some("a"), &[], None, "", false),
    ] {
        assert_eq!(
            test(initial, any, last, value),
            expected,
            "{initial:?} {any:?} {last:?} {value:?}"
        );
    }
}

#[test]
fn no_text_is_a_trap() {
    let alphabet = [
        '(', ')', '&', '|', '!', '=', '*', '\\', 'a', '2', ':', '~', '>', '<', ' ', 'é', ';', '.',
    ];
    let mut state = 1u32;
    for _ in 0..200_000 {
        let mut text = String::new();
        for _ in 0..12 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text.push(alphabet[usize::try_from(state >> 16).unwrap() % alphabet.len()]);
        }
        if let Ok(filter) = Filter::parse(&text) {
            assert_eq!(read(&filter.to_string()), filter, "{text}");
        }
    }
}
