//! Policies made of a fuzzer's bytes: mostly of the right form, now and then with something odd in one place.

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};

/// Deepest tree that is made.
const DEPTH: u32 = 4;

/// The policy that these choices lead to; `None` where they run out.
pub(crate) fn made_of(data: &[u8]) -> Option<Value> {
    policy(&mut Unstructured::new(data)).ok()
}

fn policy(u: &mut Unstructured<'_>) -> Result<Value> {
    let mut out = json!({
        "name": "p",
        "active": u.ratio(9, 10)?,
        "applicationName": crate::world::POLICY_SET,
        "resourceTypeUuid": "76656a38-5f8e-401b-83aa-4ccb74ce88d2",
        "resources": some(u, 3, pattern)?,
        "actionValues": actions(u)?,
        "subject": subject(u, DEPTH)?,
    });
    if u.ratio(4, 5)? {
        out["condition"] = condition(u, DEPTH)?;
    }
    if u.ratio(1, 3)? {
        out["resourceAttributes"] = some(u, 3, attribute)?;
    }
    if u.ratio(1, 10)? {
        let member = *u.choose(&[
            "name",
            "resources",
            "actionValues",
            "subject",
            "condition",
            "resourceAttributes",
        ])?;
        out[member] = odd(u)?;
    }
    Ok(out)
}

fn pattern(u: &mut Unstructured<'_>) -> Result<Value> {
    let mut text = String::new();
    for _ in 0..u.int_in_range(1..=8)? {
        text.push_str(u.choose(&[
            "http://",
            "https://",
            "http*://",
            "*://",
            "h",
            "h:80",
            "*.example.com",
            "[::1]",
            ":443",
            "/",
            "/a",
            "/b",
            "/*",
            "/-*-",
            "/-*-x",
            "/..",
            "/.",
            "//",
            "?",
            "?*",
            "q=1",
            "&p=*",
            "%2e",
            "%2F",
            "urn:x:",
            "*",
            "é",
            "A",
            "$SELF",
            "@",
        ])?);
    }
    Ok(text.into())
}

fn actions(u: &mut Unstructured<'_>) -> Result<Value> {
    let mut out = Map::new();
    for name in ["GET", "POST", "PUT"] {
        if u.ratio(2, 3)? {
            out.insert(name.to_owned(), u.arbitrary::<bool>()?.into());
        }
    }
    Ok(out.into())
}

fn attribute(u: &mut Unstructured<'_>) -> Result<Value> {
    if u.arbitrary()? {
        Ok(json!({"type": "Static", "propertyName": word(u)?, "propertyValues": some(u, 3, word)?}))
    } else {
        Ok(
            json!({"type": "User", "propertyName": *u.choose(&["cn", "mail", "sn", "userPassword"])?}),
        )
    }
}

fn subject(u: &mut Unstructured<'_>, depth: u32) -> Result<Value> {
    let kinds = if depth == 0 { 4 } else { 7 };
    Ok(match u.int_in_range(0..=kinds - 1)? {
        0 => json!({"type": "AuthenticatedUsers"}),
        1 => json!({"type": "Identity", "subjectValues": some(u, 3, identity)?}),
        2 => {
            json!({"type": "JwtClaim", "claimName": *u.choose(&["sub", "role", "iss", "x"])?, "claimValue": word(u)?})
        }
        3 => json!({"type": "NONE"}),
        4 => json!({"type": "NOT", "subject": subject(u, depth - 1)?}),
        kind => {
            let children = some(u, 3, |u| subject(u, depth - 1))?;
            json!({"type": if kind == 5 { "AND" } else { "OR" }, "subjects": children})
        }
    })
}

fn condition(u: &mut Unstructured<'_>, depth: u32) -> Result<Value> {
    let kinds = if depth == 0 { 14 } else { 17 };
    Ok(match u.int_in_range(0..=kinds - 1)? {
        0 => json!({"type": "AuthLevel", "authLevel": u.int_in_range(0..=3)?}),
        1 => json!({"type": "LEAuthLevel", "authLevel": u.int_in_range(0..=3)?}),
        2 => {
            let mut out = json!({"type": "AuthScheme", "authScheme": some(u, 2, scheme)?});
            if u.arbitrary()? {
                out["applicationIdleTimeout"] = u.int_in_range(0..=40_000)?.into();
                out["applicationName"] = word(u)?;
            }
            out
        }
        3 => {
            json!({"type": "AuthenticateToRealm", "authenticateToRealm": *u.choose(&["/", "/a", "/A/b"])?})
        }
        4 => {
            json!({"type": "AuthenticateToService", "authenticateToService": *u.choose(&["MfaTree", "/a:MfaTree", "x"])?})
        }
        5 => json!({"type": "IPv4", "startIp": ipv4(u)?, "endIp": ipv4(u)?}),
        6 => {
            json!({"type": "IPv6", "startIp": ipv6(u)?, "endIp": ipv6(u)?, "dnsName": some(u, 2, dns)?})
        }
        7 => json!({"type": "ResourceEnvIP", "resourceEnvIPConditionValue": some(u, 2, rule)?}),
        8 => simple_time(u)?,
        9 => {
            json!({"type": "Session", "maxSessionTime": u.int_in_range(-1..=600)?, "terminateSession": u.arbitrary::<bool>()?})
        }
        10 => json!({"type": "SessionProperty", "ignoreValueCase": u.arbitrary::<bool>()?,
                     "properties": {*u.choose(&["Locale", "AuthType", "x"])?: some(u, 2, word)?}}),
        11 => json!({"type": "AMIdentityMembership", "amIdentityName": some(u, 2, identity)?}),
        12 => json!({"type": "LDAPFilter", "ldapFilter": filter(u, 3)?}),
        13 => match u.int_in_range(0..=2)? {
            0 => json!({"type": "OAuth2Scope", "requiredScopes": some(u, 2, scope)?}),
            1 => json!({"type": "Script", "scriptId": *u.choose(&["s1", "s2"])?}),
            _ => {
                json!({"type": "Transaction", "authenticationStrategy": "AuthenticateToTreeConditionAdvice", "strategySpecifier": word(u)?})
            }
        },
        14 => json!({"type": "NOT", "condition": condition(u, depth - 1)?}),
        kind => {
            let children = some(u, 3, |u| condition(u, depth - 1))?;
            json!({"type": if kind == 15 { "AND" } else { "OR" }, "conditions": children})
        }
    })
}

fn simple_time(u: &mut Unstructured<'_>) -> Result<Value> {
    let mut out = json!({"type": "SimpleTime"});
    if u.ratio(2, 3)? {
        for name in ["startTime", "endTime"] {
            out[name] = format!(
                "{:02}:{:02}",
                u.int_in_range(0..=25)?,
                u.int_in_range(0..=60)?
            )
            .into();
        }
    }
    if u.arbitrary()? {
        for name in ["startDay", "endDay"] {
            out[name] = (*u.choose(&[
                "mon", "tue", "wed", "thu", "fri", "sat", "sun", "Mon", "monday",
            ])?)
            .into();
        }
    }
    if u.arbitrary()? {
        for name in ["startDate", "endDate"] {
            let (year, month) = (u.int_in_range(1969..=2101)?, u.int_in_range(0..=13)?);
            out[name] = format!("{year}:{month:02}:{:02}", u.int_in_range(0..=32)?).into();
        }
    }
    if u.arbitrary()? {
        out["enforcementTimeZone"] = (*u.choose(&[
            "UTC",
            "Europe/Paris",
            "America/New_York",
            "GMT+5:30",
            "GMT-12",
            "Australia/Lord_Howe",
            "Nowhere/X",
        ])?)
        .into();
    }
    Ok(out)
}

fn rule(u: &mut Unstructured<'_>) -> Result<Value> {
    let test = match u.int_in_range(0..=4)? {
        0 => format!("IP=[{}-{}]", ipv4(u)?, ipv4(u)?),
        1 => format!("IP={}", ipv4(u)?),
        2 => format!("dnsName=[{}]", dns(u)?),
        3 => "IP=10.*".to_owned(),
        _ => format!("{}={}", word(u)?, word(u)?),
    };
    let test = test.replace('"', "");
    let then = u.choose(&[
        "authlevel=1",
        "authlevel=3",
        "module=LDAP",
        "service=MfaTree",
        "role=r",
        "user=ann",
        "realm=/a",
        "x=y",
    ])?;
    Ok(format!("IF {test} THEN {then}").into())
}

fn filter(u: &mut Unstructured<'_>, depth: u32) -> Result<Value> {
    let leaf = |u: &mut Unstructured<'_>| -> Result<String> {
        let name = *u.choose(&["cn", "mail", "age", "sn", "cn;lang-fr", "2.5.4.3"])?;
        let test = *u.choose(&[
            "=",
            "~=",
            ">=",
            "<=",
            "=*",
            ":=",
            ":dn:=",
            ":caseExactMatch:=",
        ])?;
        let value = *u.choose(&[
            "ann*",
            "*lee",
            "a*n*e",
            "7",
            "\\2a",
            "",
            "é",
            "ANN LEE",
            "ann@example.com",
        ])?;
        Ok(format!("({name}{test}{value})"))
    };
    if depth == 0 || u.arbitrary()? {
        return Ok(leaf(u)?.into());
    }
    let operator = *u.choose(&["&", "|", "!"])?;
    let count = if operator == "!" {
        1
    } else {
        u.int_in_range(0..=3)?
    };
    let mut text = format!("({operator}");
    for _ in 0..count {
        text.push_str(filter(u, depth - 1)?.as_str().unwrap_or_default());
    }
    Ok((text + ")").into())
}

fn identity(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok((*u.choose(&[
        "id=ann,ou=user,dc=example",
        "id=STAFF,ou=group,dc=example",
        "id=bob,ou=user,dc=example",
        "x",
    ])?)
    .into())
}

fn scope(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok((*u.choose(&["read", "write", "x"])?).into())
}

fn scheme(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok((*u.choose(&["DataStore", "LDAP", "/a:LDAP", "/:DataStore", "OTP"])?).into())
}

fn ipv4(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(format!(
        "10.{}.0.{}",
        u.int_in_range(0..=1)?,
        u.int_in_range(0..=9)?
    ))
}

fn ipv6(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(format!("2001:db8::{:x}", u.int_in_range(0..=0xffff)?))
}

fn dns(u: &mut Unstructured<'_>) -> Result<String> {
    Ok((*u.choose(&[
        "*.example.com",
        "a.example.com",
        "*",
        "EXAMPLE.com",
        "a.*.com",
    ])?)
    .to_owned())
}

fn word(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok((*u.choose(&[
        "ann",
        "admin",
        "fr",
        "FR",
        "",
        " ",
        "é\u{0}",
        "\u{1f600}",
        "a\"b\\",
    ])?)
    .into())
}

/// A value of some other kind, where nobody expects it.
fn odd(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u.int_in_range(0..=6)? {
        0 => Value::Null,
        1 => json!(u.arbitrary::<i64>()?),
        2 => json!([[]]),
        3 => json!({"type": "AND"}),
        4 => json!([null, {"type": 1}]),
        5 => json!({"": {"": ""}}),
        _ => json!(u.arbitrary::<String>()?),
    })
}

fn some<T: Into<Value>>(
    u: &mut Unstructured<'_>,
    most: u32,
    mut one: impl FnMut(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Value> {
    let count = u.int_in_range(0..=most)?;
    (0..count)
        .map(|_| one(u).map(Into::into))
        .collect::<Result<Vec<Value>>>()
        .map(Into::into)
}
