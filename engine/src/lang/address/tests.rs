#![allow(
    clippy::unwrap_used,
    reason = "a test stops where its own data is wrong"
)]

use super::*;

fn texts(entries: &[&str]) -> Vec<String> {
    entries.iter().map(|&entry| entry.to_owned()).collect()
}

fn holds(ranges: &[Range], address: &str) -> bool {
    Address::parse(address)
        .is_some_and(|address| ranges.iter().any(|range| range.contains(&address)))
}

#[test]
fn a_request_is_read_as_leniently_as_am_does() {
    let ten = Address {
        family: Family::V4,
        bits: 0x0a00_000a,
    };
    for text in [
        "10.0.0.10",
        "10.0.0.010",
        "10..0.0.10",
        "10.0.0.10.",
        "+10.0.0.10",
        "0010.0.-0.10",
    ] {
        assert_eq!(Address::parse(text), Some(ten), "{text}");
    }
    for text in [
        " 10.0.0.10",
        "10.0.0.10 ",
        "10.0.0.0x0a",
        "10.0.10",
        "10.0.0.256",
        "0.256.0.0",
        "",
        "junk",
        "not-an-ip",
        "10.0.0.1:8080",
        "[::1]",
        "fe80::1%eth0",
        "fe80::2%eth0",
        "10.0.0.0.1",
        "10.-1.0.1",
        "10.0.0.",
        "1.2.3.99999999999999999999",
        "::1::",
        ":",
        "١.0.0.1",
    ] {
        assert_eq!(Address::parse(text), None, "{text}");
    }
}

#[test]
fn ipv6_has_every_form_of_rfc_4291() {
    let value = |text: &str| Address::parse(text).map(|address| (address.family, address.bits));
    assert_eq!(value("::"), Some((Family::V6, 0)));
    assert_eq!(value("0:0:0:0:0:0:0:1"), Some((Family::V6, 1)));
    assert_eq!(value("2001:DB8:0::FFFF"), value("2001:db8::ffff"));
    assert_eq!(
        value("0:0:0:0:0:ffff:c0a8:63"),
        value("::ffff:192.168.0.99")
    );
    assert_eq!(
        value("::ffff:10.0.0.1"),
        Some((Family::V6, 0xffff_0a00_0001))
    );
    for text in [
        "0000:0000:0000:0000:0000:0000:0000",
        "0:0:0:0:0:0:0:0:0",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffg",
        "12345::",
        "1:::2",
        "::1.2.3",
    ] {
        assert_eq!(value(text), None, "{text}");
    }
}

#[test]
fn a_pair_of_ends_is_checked() {
    let pair = |start, end| ip_pair(Family::V4, start, end);
    let range = pair(Some("10.0.0.1"), Some("10.0.0.9")).unwrap().unwrap();
    for (address, inside) in [
        ("10.0.0.0", false),
        ("10.0.0.1", true),
        ("10.0.0.5", true),
        ("10.0.0.9", true),
        ("10.0.0.10", false),
        ("::ffff:10.0.0.5", false),
    ] {
        assert_eq!(holds(&[range], address), inside, "{address}");
    }
    assert_eq!(pair(None, None), Ok(None));
    assert!(pair(Some("0.0.0.0"), Some("0.0.0.0")).is_ok());
    assert!(pair(Some("255.255.255.255"), Some("255.255.255.255")).is_ok());
    let member = |start, end| pair(start, end).unwrap_err().0;
    assert_eq!(member(Some("10.0.0.1"), None), "endIp");
    assert_eq!(member(None, Some("10.0.0.1")), "startIp");
    assert_eq!(member(Some("10.0.0.9"), Some("10.0.0.1")), "startIp");
    for bad in [
        "",
        "ten",
        "10.1",
        "10.0.0.256",
        "::1",
        " 10.0.0.1",
        "10..0.0.1",
        "10.0.0.9.",
        "+10.0.0.1",
        "0000:0:0:0:0:0:0:0",
    ] {
        assert_eq!(
            member(Some(bad), Some("255.255.255.255")),
            "startIp",
            "{bad}"
        );
        assert_eq!(member(Some("0.0.0.0"), Some(bad)), "endIp", "{bad}");
    }
    let six = |start, end| ip_pair(Family::V6, Some(start), Some(end));
    assert!(six("2001:DB8::1", "2001:DB8:0:0:0:0:0:9").is_ok());
    assert!(six("::ffff:10.0.0.1", "::ffff:10.0.0.9").is_ok());
    assert!(six("0:0:0:0:0:ffff:c0a8:63", "::ffff:192.168.0.99").is_ok());
    for (start, end) in [
        ("::9", "::1"),
        ("10.0.0.1", "10.0.0.9"),
        ("fe80::1%eth0", "fe80::9"),
        ("[::1]", "[::2]"),
        ("", ""),
    ] {
        assert!(six(start, end).is_err(), "{start}");
    }
}

#[test]
fn a_list_of_ranges_is_read_as_ruled() {
    let v4 = |entries: &[&str]| ip_range_list(Family::V4, &texts(entries));
    let pairs = v4(&["0.0.0.1-0.0.0.1", "0.0.0.10-0.0.0.20"]).unwrap();
    for (address, inside) in [
        ("0.0.0.0", false),
        ("0.0.0.1", true),
        ("0.0.0.2", false),
        ("0.0.0.10", true),
        ("0.0.0.20", true),
        ("0.0.0.21", false),
    ] {
        assert_eq!(holds(&pairs, address), inside, "{address}");
    }
    let flat = v4(&["10.0.0.1", "10.0.0.5", "10.1.0.1", "10.1.0.5"]).unwrap();
    assert_eq!(
        flat,
        v4(&["10.0.0.1-10.0.0.5", "10.1.0.1-10.1.0.5"]).unwrap()
    );
    let lone = v4(&["10.0.0.1"]).unwrap();
    assert!(holds(&lone, "10.0.0.1") && !holds(&lone, "10.0.0.2"));
    let mixed = v4(&["10.0.0.1", "10.1.0.1-10.1.0.5"]).unwrap();
    for (address, inside) in [
        ("10.0.0.1", true),
        ("10.0.0.3", false),
        ("10.0.0.10", false),
        ("10.1.0.3", true),
    ] {
        assert_eq!(holds(&mixed, address), inside, "{address}");
    }
    let three = v4(&["10.0.0.1", "10.0.0.3", "10.0.0.5"]).unwrap();
    assert!(holds(&three, "10.0.0.5") && !holds(&three, "10.0.0.2"));
    assert_eq!(v4(&[]), Ok(Vec::new()));
    for (entries, index) in [
        (vec!["1.1.1.1-1.1.1.2-1.1.1.3"], 0),
        (vec!["10.0.0.9-10.0.0.1"], 0),
        (vec!["a-b"], 0),
        (vec!["10.0.0.0/8"], 0),
        (vec!["1.1.1.1", ""], 1),
        (vec!["1.1.1.1", "1.1.1.2", "1.1.1.9", "1.1.1.8"], 2),
        (vec!["1.1.1.1-1.1.1.2", "::1"], 1),
        (vec!["-"], 0),
    ] {
        assert_eq!(v4(&entries).unwrap_err().0, index, "{entries:?}");
    }
    let six = ip_range_list(Family::V6, &texts(&["::1", "::10-::20"])).unwrap();
    assert!(holds(&six, "::1") && holds(&six, "::15") && !holds(&six, "::5"));
}

#[test]
fn a_list_is_shown_flattened_only_where_nothing_is_lost() {
    let shown = |entries: &[&str]| ip_range_shown(&texts(entries));
    assert_eq!(
        shown(&["10.0.0.1-10.0.0.5", "10.1.0.1-10.1.0.5"]),
        texts(&["10.0.0.1", "10.0.0.5", "10.1.0.1", "10.1.0.5"])
    );
    assert_eq!(
        shown(&["10.0.0.1", "10.1.0.1-10.1.0.5"]),
        texts(&["10.0.0.1", "10.1.0.1-10.1.0.5"])
    );
    assert_eq!(shown(&["10.0.0.1"]), texts(&["10.0.0.1"]));
}

#[test]
fn expressions_cover_addresses_ranges_blocks_and_prefixes() {
    for (text, inside, outside) in [
        ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
        ("10.0.0.1-10.0.0.9", "10.0.0.9", "10.0.0.10"),
        ("10.*", "10.255.0.1", "11.0.0.0"),
        ("10.1.*", "10.1.2.3", "10.2.0.0"),
        ("10.1.*.*", "10.1.2.3", "127.0.0.1"),
        ("10.0.*.*", "10.0.9.9", "203.0.113.7"),
        ("*.*.*.*", "1.2.3.4", "::1"),
        ("10.*", "10.0.0.1", "::1"),
        ("10.0.0.0/8", "10.9.9.9", "11.0.0.0"),
        ("10.0.0.7/31", "10.0.0.6", "10.0.0.8"),
        ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
        ("2001:db8:*", "2001:db8:1::", "2001:db9::"),
        ("2001:db8::1", "2001:DB8:0::1", "::1"),
        ("::1-::9", "::5", "::a"),
        ("1.2.3.4/32", "1.2.3.4", "1.2.3.5"),
        ("0.0.0.0/0", "255.0.0.1", "::"),
    ] {
        let ranges = expression(text).unwrap();
        assert!(holds(&ranges, inside), "{text} has {inside}");
        assert!(!holds(&ranges, outside), "{text} has not {outside}");
    }
    let all = expression("*").unwrap();
    assert!(holds(&all, "1.2.3.4") && holds(&all, "::1"));
    for bad in [
        "",
        "junk",
        "10.0.0.1-::1",
        "10.0.0.20-10.0.0.1",
        "1.1.1.1-1.1.1.2-1.1.1.3",
        "10.*.1",
        "10.*.*.*.*",
        "1.2.3.4.*",
        "10.0.0.0/33",
        "::/129",
        "10.0.0.0/",
        "10*",
        "*10",
        "10.",
        "2001:*:1",
        "gggg:*",
        "12345:*",
        "*:*:*:*:*:*:*:*:*",
        "10.0.0.0/-1",
        "300.*",
        "é",
        "10.0.0.0/8/8",
    ] {
        assert!(expression(bad).is_err(), "{bad}");
    }
}

#[test]
fn dns_patterns() {
    for good in ["www.example.com", "*.example.com", "*", "a"] {
        assert_eq!(dns_pattern(good).unwrap().as_str(), good);
    }
    assert_eq!(
        dns_pattern("*.Example.COM").unwrap().as_str(),
        "*.example.com"
    );
    for bad in [
        "example.*",
        "*example.com",
        "*.example.*.com",
        "a.*.com",
        "*com",
        "",
        " ",
        "**",
        "*.",
        "*.*",
    ] {
        assert!(dns_pattern(bad).is_err(), "{bad}");
    }
    for (pattern, value, expected) in [
        ("example.com", "example.com", true),
        ("example.com", "www.example.com", false),
        ("*.example.com", "example.com", false),
        ("*.example.com", "www.example.com", true),
        ("*.example.com", "a.b.example.com", true),
        ("*", "any.domain.com", true),
        ("*", "", true),
        ("*.example.com", ".example.com", true),
        ("*.example.com", "wwwexample.com", false),
    ] {
        assert_eq!(dns_matches(pattern, value), expected, "{pattern} {value}");
    }
}
