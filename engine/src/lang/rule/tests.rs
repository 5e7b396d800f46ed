#![allow(
    clippy::unwrap_used,
    reason = "a test stops where its own data is wrong"
)]

use super::*;

#[test]
fn a_rule_has_four_parts() {
    let rule = Rule::parse("IF IP=[127.0.0.1] THEN authlevel=4").unwrap();
    assert_eq!(
        (rule.name.as_str(), rule.value.as_str()),
        ("IP", "[127.0.0.1]")
    );
    assert_eq!(
        (rule.then, rule.then_value.as_str()),
        (Then::AuthLevel, "4")
    );
    assert!(rule.addresses.is_some());
    let spaced = Rule::parse("  IF   IP = [127.0.0.1]   THEN   authlevel = 4  ").unwrap();
    assert_eq!(spaced, rule);
    let lower = Rule::parse("if ip=[10.0.0.1] then AUTHLEVEL=3").unwrap();
    assert_eq!((lower.name.as_str(), lower.then), ("ip", Then::AuthLevel));
    let tight = Rule::parse("IFagent=webTHENrealm=/a").unwrap();
    assert_eq!(
        (
            tight.name.as_str(),
            tight.value.as_str(),
            tight.then_value.as_str()
        ),
        ("agent", "web", "/a")
    );
    let echo = Rule::parse("IF then=THEN THEN module=THENx=y").unwrap();
    assert_eq!(
        (
            echo.name.as_str(),
            echo.value.as_str(),
            echo.then_value.as_str()
        ),
        ("then", "THEN", "THENx=y")
    );
}

#[test]
fn every_name_after_then_has_its_advice() {
    for (text, then, value, advice) in [
        (
            "module=LDAP",
            Then::Module,
            "LDAP",
            "AuthSchemeConditionAdvice",
        ),
        (
            "service=Tree",
            Then::Service,
            "Tree",
            "AuthenticateToServiceConditionAdvice",
        ),
        (
            "authlevel=/sub:3",
            Then::AuthLevel,
            "/sub:3",
            "AuthLevelConditionAdvice",
        ),
        (
            "role=cn=mgr,dc=x",
            Then::Role,
            "cn=mgr,dc=x",
            "AuthRoleConditionAdvice",
        ),
        ("user=co-a", Then::User, "co-a", "AuthUserConditionAdvice"),
        (
            "redirectURL=https://sp.example.com/x",
            Then::RedirectUrl,
            "https://sp.example.com/x",
            "AuthRedirectionConditionAdvice",
        ),
        (
            "realm=/a",
            Then::Realm,
            "/a",
            "AuthenticateToRealmConditionAdvice",
        ),
        (
            "org=/other",
            Then::Realm,
            "/other",
            "AuthenticateToRealmConditionAdvice",
        ),
    ] {
        let rule = Rule::parse(&format!("IF IP=[10.*] THEN {text}")).unwrap();
        assert_eq!(
            (rule.then, rule.then_value.as_str(), rule.then.advice()),
            (then, value, advice)
        );
    }
}

#[test]
fn impossible_rules_are_refused() {
    for bad in [
        "",
        "hello",
        "IF IP=[127.0.0.1]",
        "IF IP=[127.0.0.1] THEN authlevel=4 ELSE authlevel=5",
        "IF a.b=c THEN authlevel=4",
        "IF IP=[10.0.0.1] AND tier=gold THEN authlevel=1",
        "IF IP=[10.0.0.1 - 10.0.0.2] THEN authlevel=1",
        "IF am.x=1 THEN authlevel=1",
        "IF IP=[127.0.0.1] THEN authlevel=high",
        "IF IP=[127.0.0.1] THEN frob=1",
        "IF IP=10.0.0.1 THEN authlevel=0",
        "IF IP=[] THEN authlevel=0",
        "IF IP=[10.0.0.20-10.0.0.1] THEN authlevel=0",
        "IF IP=[1.1.1.1-::1] THEN authlevel=0",
        "IF = THEN =",
        "IF tier= THEN authlevel=3",
        "IF tier=gold THEN authlevel=",
        "IF tier=gold THEN",
        "IF IP=[junk] THEN module=x",
        "é THEN é",
        "IFTHENTHEN",
        "IF tier=gold THEN authlevel=a:b",
    ] {
        assert!(Rule::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn another_name_takes_any_text() {
    let dns = Rule::parse("IF dnsName=host.example.com THEN authlevel=4").unwrap();
    assert_eq!(dns.addresses, None);
    assert!(
        Rule::parse("IF tier=[10.*] THEN authlevel=4")
            .unwrap()
            .addresses
            .is_some()
    );
    assert_eq!(
        Rule::parse("IF tier=[gold] THEN authlevel=4")
            .unwrap()
            .addresses,
        None
    );
}

#[test]
fn levels_may_name_a_realm() {
    assert_eq!(auth_level("3"), Some((None, 3)));
    assert_eq!(auth_level("/sub:3"), Some((Some("/sub"), 3)));
    assert_eq!(auth_level("99999999999"), None);
    assert_eq!(auth_level("a:b:3"), None);
}

fn chosen(rules: &[&str], key: &str, values: &[&str], ip: Option<&str>) -> Option<usize> {
    let rules: Vec<Rule> = rules
        .iter()
        .map(|rule| Rule::parse(rule).unwrap())
        .collect();
    let ip = ip.and_then(Address::parse);
    choose(rules.iter().map(|rule| {
        let values = if rule.name == key { values } else { &[] };
        standing(
            &rule.value,
            rule.addresses.as_deref().unwrap_or(&[]),
            values.iter().copied(),
            ip.as_ref(),
        )
    }))
}

#[test]
fn the_rule_that_applies() {
    let two = [
        "IF IP=[10.0.0.1] THEN authlevel=3",
        "IF IP=[10.0.0.2] THEN authlevel=1",
    ];
    assert_eq!(chosen(&two, "", &[], Some("10.0.0.2")), Some(1));
    assert_eq!(chosen(&two, "", &[], Some("10.0.0.3")), None);
    assert_eq!(chosen(&two, "", &[], None), None);
    assert_eq!(chosen(&two, "", &[], Some("junk")), None);
    let prefix = ["IF IP=[10.*] THEN authlevel=2"];
    for (ip, expected) in [
        ("10.0.0.1", Some(0)),
        ("127.0.0.1", None),
        ("192.168.1.1", None),
        ("::1", None),
    ] {
        assert_eq!(chosen(&prefix, "", &[], Some(ip)), expected, "{ip}");
    }
    let named = ["IF tier=gold THEN authlevel=3"];
    assert_eq!(chosen(&named, "tier", &["GOLD"], None), Some(0));
    assert_eq!(chosen(&named, "tier", &["silver", "gold"], None), Some(0));
    assert_eq!(chosen(&named, "tier", &["silver"], Some("10.0.0.1")), None);
    assert_eq!(chosen(&named, "Tier", &["gold"], Some("10.0.0.1")), None);
    // A named match is replaced by a later one; an address match ends the search; a key that was sent hides the address.
    let mixed = [
        "IF a=x THEN module=A",
        "IF a=X THEN module=B",
        "IF IP=[10.*] THEN module=C",
        "IF a=x THEN module=D",
        "IF IP=[*] THEN module=E",
    ];
    assert_eq!(chosen(&mixed, "a", &["x"], Some("10.1.1.1")), Some(2));
    assert_eq!(chosen(&mixed, "a", &["x"], None), Some(3));
    assert_eq!(chosen(&mixed, "a", &["y"], Some("11.1.1.1")), Some(4));
    assert_eq!(chosen(&mixed, "IP", &["sent"], Some("10.1.1.1")), None);
}
