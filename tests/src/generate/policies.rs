//! Subjects, conditions, attributes, whole policies and documents of every kind.

use super::names;
use super::rng::Rng;
use serde_json::{Map, Value, json};

/// The realm's base.
pub(super) const BASE: &str = "dc=openam,dc=example,dc=org";
/// Identities that policies and requests draw from.
pub(super) const IDENTITIES: [&str; 7] = [
    "id=ann,ou=user,dc=openam,dc=example,dc=org",
    "id=Bob,ou=user,dc=openam,dc=example,dc=org",
    "id=eve,ou=user,o=sub,ou=services,dc=openam,dc=example,dc=org",
    "id=staff,ou=group,dc=openam,dc=example,dc=org",
    "id=admins,ou=group,dc=openam,dc=example,dc=org",
    "id=ops,ou=role,dc=openam,dc=example,dc=org",
    "nobody",
];
/// Claim names.
pub(super) const CLAIMS: [&str; 5] = ["iss", "role", "sub", "n", "team"];
/// Claim values.
pub(super) const CLAIM_VALUES: [&str; 5] = ["x", "admin", "ann", "5", ""];
/// Scopes.
pub(super) const SCOPES: [&str; 4] = ["read", "write", "openid", "a"];
/// Zones of SimpleTime, of requests and of the server.
pub(super) const ZONES: [&str; 9] = [
    "GMT",
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "Asia/Kolkata",
    "GMT+5:30",
    "GMT-11",
    "Australia/Lord_Howe",
    "Pacific/Apia",
];
/// Module instances.
pub(super) const MODULES: [&str; 4] = ["DataStore", "LDAP", "HOTP", "/sub:LDAP"];
/// Chains and trees.
pub(super) const SERVICES: [&str; 4] = ["ldapService", "MfaTree", "/:MfaTree", "/sub:ldapService"];
/// Realms.
pub(super) const REALMS: [&str; 4] = ["/", "/sub", "/Sub", "/other"];
/// Attributes of profiles.
pub(super) const ATTRIBUTES: [&str; 6] =
    ["mail", "cn", "sn", "employeeNumber", "userPassword", "none"];

/// A document with one or more policy sets.
pub fn document(rng: &mut Rng) -> Value {
    let sets = ["iPlanetAMWebAgentService", "other", "Third Set"];
    let used = 1 + rng.below(sets.len());
    let sets = sets.get(..used).unwrap_or(&sets);
    let count = 1 + rng.below(14);
    let policies: Vec<Value> = (0..count)
        .map(|n| policy(rng, &format!("p{n}"), sets))
        .collect();
    let applications: Vec<Value> = sets.iter().map(|name| application(name)).collect();
    json!({
        "realm": "/",
        "resourceTypes": [{"uuid": "any", "name": "any", "patterns": ["*", "*://*", "*://*:*/*", "*://*:*/*?*", "*?*"], "actions": {"GET": true, "POST": true, "PUT": true}}],
        "applications": applications,
        "policies": policies,
    })
}

fn application(name: &str) -> Value {
    json!({
        "name": name, "applicationType": "iPlanetAMWebAgentService", "entitlementCombiner": "DenyOverride",
        "resourceTypeUuids": ["any"], "subjects": [], "conditions": [],
    })
}

/// One policy of one of these sets.
pub fn policy(rng: &mut Rng, name: &str, sets: &[&str]) -> Value {
    let mut actions = Map::new();
    for action in ["GET", "POST", "PUT"] {
        if rng.chance(55) {
            actions.insert(action.to_owned(), json!(rng.chance(65)));
        }
    }
    let resources: Vec<String> = (0..1 + rng.below(3)).map(|_| names::pattern(rng)).collect();
    let mut out = json!({
        "name": name,
        "active": !rng.chance(6),
        "applicationName": rng.pick(sets),
        "resourceTypeUuid": "any",
        "resources": resources,
        "actionValues": actions,
    });
    let mut put = |member: &str, value: Value| {
        if let Some(members) = out.as_object_mut() {
            members.insert(member.to_owned(), value);
        }
    };
    if rng.chance(97) {
        put(
            "subject",
            if rng.chance(45) {
                json!({"type": "NOT", "subject": {"type": "NONE"}})
            } else {
                subject(rng, 2)
            },
        );
    }
    if rng.chance(70) {
        put("condition", condition(rng, 2));
    }
    if rng.chance(30) {
        let list: Vec<Value> = (0..1 + rng.below(3)).map(|_| attribute(rng)).collect();
        put("resourceAttributes", Value::Array(list));
    }
    out
}

fn attribute(rng: &mut Rng) -> Value {
    if rng.chance(50) {
        return json!({"type": "Static", "propertyName": rng.pick(&["tier", "mail", "note"]), "propertyValues": rng.some(&["gold", "silver", "é", "gold\n"], 3)});
    }
    let values = if rng.chance(50) {
        Vec::new()
    } else {
        rng.some(&ATTRIBUTES, 3)
    };
    json!({"type": "User", "propertyName": rng.pick(&ATTRIBUTES), "propertyValues": values})
}

/// A subject tree of at most this depth.
pub(super) fn subject(rng: &mut Rng, depth: usize) -> Value {
    if depth > 0 && rng.chance(40) {
        let children: Vec<Value> = (0..1 + rng.below(3))
            .map(|_| subject(rng, depth - 1))
            .collect();
        return match rng.below(3) {
            0 => json!({"type": "AND", "subjects": children}),
            1 => json!({"type": "OR", "subjects": children}),
            _ => json!({"type": "NOT", "subject": subject(rng, depth - 1)}),
        };
    }
    match rng.below(8) {
        0 | 1 => json!({"type": "AuthenticatedUsers"}),
        2..5 => json!({"type": "Identity", "subjectValues": rng.some(&IDENTITIES, 3)}),
        5 | 6 => {
            json!({"type": "JwtClaim", "claimName": rng.pick(&CLAIMS), "claimValue": rng.pick(&CLAIM_VALUES)})
        }
        _ => json!({"type": "NONE"}),
    }
}

/// A condition tree of at most this depth.
pub(super) fn condition(rng: &mut Rng, depth: usize) -> Value {
    if depth > 0 && rng.chance(35) {
        let children: Vec<Value> = (0..1 + rng.below(3))
            .map(|_| condition(rng, depth - 1))
            .collect();
        return match rng.below(3) {
            0 => json!({"type": "AND", "conditions": children}),
            1 => json!({"type": "OR", "conditions": children}),
            _ => json!({"type": "NOT", "condition": condition(rng, depth - 1)}),
        };
    }
    leaf(rng)
}

fn leaf(rng: &mut Rng) -> Value {
    match rng.below(17) {
        0 => json!({"type": "AuthLevel", "authLevel": rng.below(5)}),
        1 => json!({"type": "LEAuthLevel", "authLevel": rng.below(5)}),
        2 => auth_scheme(rng),
        3 => json!({"type": "AuthenticateToRealm", "authenticateToRealm": rng.pick(&REALMS)}),
        4 => json!({"type": "AuthenticateToService", "authenticateToService": rng.pick(&SERVICES)}),
        5 => {
            json!({"type": "Session", "maxSessionTime": rng.pick(&[&json!(1), &json!(10), &json!("120"), &json!(100_000)]), "terminateSession": rng.chance(30)})
        }
        6 => session_property(rng),
        7 | 8 => super::windows::simple_time(rng),
        9 => ipv4(rng),
        10 => ipv6(rng),
        11 => rules(rng),
        12 => json!({"type": "LDAPFilter", "ldapFilter": super::windows::filter(rng, 2)}),
        13 => {
            let mut scopes = rng.some(&SCOPES, 2);
            scopes.push(rng.pick(&SCOPES));
            scopes.dedup();
            json!({"type": "OAuth2Scope", "requiredScopes": scopes})
        }
        14 => {
            let mut ids = rng.some(&IDENTITIES, 2);
            ids.push(rng.pick(&IDENTITIES));
            json!({"type": "AMIdentityMembership", "amIdentityName": ids})
        }
        15 => json!({"type": "Script", "scriptId": rng.pick(&["s1", "s2", "s3"])}),
        _ => json!({
            "type": "Transaction",
            "authenticationStrategy": rng.pick(&["AuthenticateToServiceConditionAdvice", "AuthLevelConditionAdvice"]),
            "strategySpecifier": rng.pick(&["PushTree", "3"]),
        }),
    }
}

fn auth_scheme(rng: &mut Rng) -> Value {
    let mut schemes = rng.some(&MODULES, 2);
    schemes.push(rng.pick(&MODULES));
    schemes.dedup();
    let mut out = json!({"type": "AuthScheme", "authScheme": schemes});
    if let Some(members) = out.as_object_mut()
        && rng.chance(40)
    {
        // The timeout follows from the application's name, so that two conditions never renew one property to different instants.
        let (application, minutes) = [("app1", 10), ("app2", 0), ("", 5), ("app3", 35_791)]
            .get(rng.below(4))
            .copied()
            .unwrap_or(("app1", 10));
        members.insert("applicationName".to_owned(), json!(application));
        if rng.chance(85) {
            members.insert("applicationIdleTimeout".to_owned(), json!(minutes));
        }
    }
    out
}

fn session_property(rng: &mut Rng) -> Value {
    let mut properties = Map::new();
    for _ in 0..1 + rng.below(2) {
        let name = rng.pick(&["dept", "AuthType", "none", "UserToken"]);
        let mut values = rng.some(&["hr", "HR", "DataStore", "ann", "it|hr"], 2);
        values.push(rng.pick(&["hr", "it", "datastore"]));
        properties.insert(name.to_owned(), json!(values));
    }
    json!({"type": "SessionProperty", "ignoreValueCase": rng.chance(60), "properties": properties})
}

fn ipv4(rng: &mut Rng) -> Value {
    match rng.below(5) {
        0 => json!({"type": "IPv4", "startIp": "10.0.0.1", "endIp": "10.0.0.9"}),
        1 => {
            json!({"type": "IPv4", "dnsName": rng.pick(&[&["*.example.com"][..], &["host.example.com", "*.h"][..], &["*"][..]])})
        }
        2 => json!({"type": "IPv4", "ipRange": ["10.0.0.5", "10.0.1.1-10.0.1.9"]}),
        3 => json!({"type": "IPv4", "ipRange": ["10.0.0.1", "10.0.0.5"]}),
        _ => {
            json!({"type": "IPv4", "startIp": "127.0.0.0", "endIp": "127.255.255.255", "dnsName": ["a.b"]})
        }
    }
}

fn ipv6(rng: &mut Rng) -> Value {
    match rng.below(3) {
        0 => json!({"type": "IPv6", "startIp": "2001:db8::1", "endIp": "2001:db8::ffff"}),
        1 => json!({"type": "IPv6", "ipRange": ["2001:db8::5"]}),
        _ => {
            json!({"type": "IPv6", "startIp": "::1", "endIp": "::1", "dnsName": ["*.example.com"]})
        }
    }
}

fn rules(rng: &mut Rng) -> Value {
    let one = |rng: &mut Rng| {
        let (key, value) = if rng.chance(75) {
            let body = rng.pick(&[
                "10.0.0.5",
                "10.0.0.1-10.0.0.9",
                "10.*",
                "10.0.0.0/24",
                "2001:db8::5",
                "2001:db8::/32",
                "*",
                "127.0.0.1",
                "10.0.*.*",
            ]);
            (rng.pick(&["IP", "ip", "addr"]), format!("[{body}]"))
        } else {
            (
                rng.pick(&["agent", "dnsName"]),
                rng.pick(&["web", "Web", "x"]).to_owned(),
            )
        };
        let then = rng.pick(&[
            "module=LDAP",
            "module=/sub:LDAP",
            "service=MfaTree",
            "service=/:ldapService",
            "authlevel=3",
            "authlevel=/sub:2",
            "role=mgr",
            "user=ann",
            "realm=/",
            "org=/sub",
            "redirectURL=https://sp.example.com/x",
            "AuthLevel=1",
        ]);
        format!(
            "{}{key}{}{value} THEN {then}",
            rng.pick(&["IF ", "if ", " IF  "]),
            rng.pick(&["=", " = "])
        )
    };
    let list: Vec<String> = (0..1 + rng.below(3)).map(|_| one(rng)).collect();
    json!({"type": "ResourceEnvIP", "resourceEnvIPConditionValue": list})
}
