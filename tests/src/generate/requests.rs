//! Requests: subjects with and without sessions, environments with gaps, junk and several values.

use super::names;
use super::policies::{
    BASE, CLAIM_VALUES, CLAIMS, IDENTITIES, MODULES, REALMS, SCOPES, SERVICES, ZONES,
};
use super::rng::Rng;
use super::windows::instant;
use serde_json::{Map, Value, json};

/// A request about resources, or about a tree, near the policies of the document.
pub fn request(rng: &mut Rng, document: &Value) -> Value {
    let policies: Vec<&Value> = document
        .get("policies")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .collect();
    // Most requests are near one policy: of its set, and about names that it may cover.
    let focus = policies.get(rng.below(policies.len())).copied();
    let near = if rng.chance(70) {
        focus.into_iter().collect()
    } else {
        policies
    };
    let patterns: Vec<String> = near
        .iter()
        .flat_map(|p| {
            p.get("resources")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        })
        .filter_map(|r| r.as_str().map(str::to_owned))
        .collect();
    let mut out = Map::new();
    let set = focus
        .and_then(|p| p.get("applicationName")?.as_str())
        .filter(|_| rng.chance(85));
    match (set, rng.below(4)) {
        (Some(name), 0) => drop(out.insert("policySet".to_owned(), json!(name.to_uppercase()))),
        (Some(name), _) => drop(out.insert("policySet".to_owned(), json!(name))),
        (None, 0) => drop(out.insert("policySet".to_owned(), json!("missing"))),
        (None, _) => {}
    }
    if rng.chance(25) {
        out.insert("tree".to_owned(), json!(names::root(rng, &patterns)));
    } else {
        let count = if rng.chance(70) { 1 } else { 2 + rng.below(3) };
        let resources: Vec<String> = (0..count).map(|_| names::name(rng, &patterns)).collect();
        out.insert("resources".to_owned(), json!(resources));
    }
    let now = instant(rng);
    if rng.chance(96) {
        out.insert("subject".to_owned(), subject(rng, now));
    }
    if rng.chance(75) {
        out.insert("environment".to_owned(), environment(rng, now));
    }
    out.insert("now".to_owned(), json!(now));
    if rng.chance(40) {
        out.insert("timeZone".to_owned(), json!(rng.pick(&ZONES)));
    }
    Value::Object(out)
}

fn subject(rng: &mut Rng, now: i64) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    if rng.chance(85) {
        put(
            "principals",
            json!(rng.some(
                &[
                    "id=ann,ou=user,dc=openam,dc=example,dc=org",
                    "ID=BOB,ou=user,dc=openam,dc=example,dc=org",
                    "ann"
                ],
                2
            )),
        );
    }
    if rng.chance(70) {
        put(
            "groups",
            json!(rng.some(
                &[
                    "id=staff,ou=group,dc=openam,dc=example,dc=org",
                    "id=Admins,ou=group,dc=openam,dc=example,dc=org",
                    "id=ops,ou=role,dc=openam,dc=example,dc=org"
                ],
                2
            )),
        );
    }
    if rng.chance(75) {
        put("session", session(rng, now));
    }
    if rng.chance(60) {
        put(
            "clientIp",
            json!(rng.pick(&["10.0.0.5", "127.0.0.1", "2001:db8::5", "junk"])),
        );
    }
    if rng.chance(70) {
        let mut profile = Map::new();
        for (name, values) in [
            ("mail", &["ann@example.com", "a@h"][..]),
            ("cn", &["Ann", "a*b", " Ann   Lee", "  "][..]),
            ("SN", &["Doe"][..]),
            ("employeeNumber", &["17", "3"][..]),
            ("userPassword", &["hash"][..]),
        ] {
            if rng.chance(65) {
                profile.insert(name.to_owned(), json!(rng.some(values, 2)));
            }
        }
        put("profile", Value::Object(profile));
    }
    if rng.chance(50) {
        let mut memberships = Map::new();
        for id in rng.some(&IDENTITIES, 3) {
            memberships.insert(
                id.to_owned(),
                json!(rng.some(
                    &[
                        "id=staff,ou=group,dc=openam,dc=example,dc=org",
                        "id=ops,ou=role,dc=openam,dc=example,dc=org"
                    ],
                    2
                )),
            );
        }
        put("memberships", Value::Object(memberships));
    }
    if rng.chance(45) {
        put(
            "claims",
            if rng.chance(70) {
                claims(rng)
            } else {
                Value::Array((0..1 + rng.below(2)).map(|_| claims(rng)).collect())
            },
        );
    }
    Value::Object(out)
}

fn claims(rng: &mut Rng) -> Value {
    let mut out = Map::new();
    out.insert("sub".to_owned(), json!(rng.pick(&["ann", "x"])));
    for _ in 0..rng.below(4) {
        let name = rng.pick(&CLAIMS);
        if name == "sub" {
            continue;
        }
        let text = rng.pick(&CLAIM_VALUES);
        let value = match rng.below(8) {
            0..3 => json!(text),
            3 => json!(["q", text]),
            4 => json!([text, 5]),
            5 => json!({"x": text}),
            6 => [json!(5), json!(true), Value::Null, json!(1.5)]
                .get(rng.below(4))
                .cloned()
                .unwrap_or(Value::Null),
            _ => json!([]),
        };
        out.insert(name.to_owned(), value);
    }
    Value::Object(out)
}

fn session(rng: &mut Rng, now: i64) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: String| {
        out.insert(name.to_owned(), json!(value));
    };
    if rng.chance(85) {
        put(
            "AuthLevel",
            rng.pick(&["0", "2", "3", "/sub:4|/:1", "/sub:2", "2|3", "high", "1|x"])
                .to_owned(),
        );
    }
    let modules = rng.some(&MODULES, 3).join("|");
    if rng.chance(90) && !modules.is_empty() {
        put("AuthType", modules);
    }
    if rng.chance(80) {
        put("Service", rng.pick(&SERVICES).to_owned());
    }
    // A session always belongs to a realm.
    put(
        "Organization",
        [
            BASE,
            "o=sub,ou=services,dc=openam,dc=example,dc=org",
            "o=b,ou=services,o=sub,ou=services,dc=openam,dc=example,dc=org",
        ]
        .get(rng.below(3))
        .map_or(String::new(), |t| (*t).to_owned()),
    );
    if rng.chance(85) {
        put(
            "authInstant",
            iso(now
                - [30_000, 120_000, 3_600_000, 90_000_000]
                    .get(rng.below(4))
                    .copied()
                    .unwrap_or(0)),
        );
    } else if rng.chance(30) {
        put("authInstant", "junk".to_owned());
    }
    if rng.chance(20) {
        put(
            "moduleAuthTime",
            format!(
                "LDAP+{}|DataStore+{}",
                iso(now - 60_000),
                iso(now - 7_200_000)
            ),
        );
    }
    if rng.chance(20) {
        put(
            "am.protected.policy.AppIdleTimesoutAt.app1",
            (now + [-1, 0, 1, 60_000].get(rng.below(4)).copied().unwrap_or(0)).to_string(),
        );
    }
    if rng.chance(50) {
        put(
            "dept",
            rng.pick(&["hr", "HR", "it|hr", "it | hr ", ""]).to_owned(),
        );
    }
    if rng.chance(50) {
        put("Role", rng.pick(&["mgr", "dev|mgr", "dev"]).to_owned());
    }
    if rng.chance(50) {
        put("UserToken", rng.pick(&["ann", "bob|ann", "ANN"]).to_owned());
    }
    Value::Object(out)
}

fn iso(millis: i64) -> String {
    jiff::Timestamp::from_second(millis.div_euclid(1000)).map_or(String::new(), |t| {
        t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    })
}

fn environment(rng: &mut Rng, now: i64) -> Value {
    let mut out = Map::new();
    let near = |rng: &mut Rng| {
        let instants = [now, instant(rng), now - 60_000, now - 30_000_000];
        instants
            .get(rng.below(4))
            .copied()
            .unwrap_or(now)
            .to_string()
    };
    for _ in 0..2 + rng.below(7) {
        let (key, mut values): (&str, Vec<String>) = match rng.below(13) {
            0 => (
                "requestAuthLevel",
                own(&rng.some(&["0", "2", "3", "/sub:4", "x", "5"], 3)),
            ),
            1 => ("requestAuthSchemes", own(&rng.some(&MODULES, 3))),
            2 => (
                "requestAuthenticatedToServices",
                own(&rng.some(&SERVICES, 2)),
            ),
            3 => ("requestAuthenticatedToRealms", own(&rng.some(&REALMS, 2))),
            4 => (
                "requestIp",
                own(&rng.some(
                    &[
                        "10.0.0.5",
                        "10.0.0.6",
                        "10.0.1.5",
                        "192.168.1.1",
                        "2001:db8::5",
                        "127.0.0.1",
                        "junk",
                        "",
                        "10.0.0.005",
                    ],
                    2,
                )),
            ),
            5 => (
                "requestDnsName",
                own(&rng.some(&["www.example.com", "HOST.example.com", "x.h", "h"], 2)),
            ),
            6 => (
                "requestTime",
                (0..rng.below(3)).map(|_| near(rng)).collect(),
            ),
            7 => ("requestTimeZone", own(&rng.some(&ZONES, 2))),
            8 => (
                "requestSessionCreationTime",
                (0..rng.below(3)).map(|_| near(rng)).collect(),
            ),
            9 => ("invocatorPrincipalUuid", own(&rng.some(&IDENTITIES, 2))),
            10 => (
                "scope",
                vec![
                    rng.some(&SCOPES, 3).join(" "),
                    rng.some(&SCOPES, 2).join("  "),
                ],
            ),
            11 => ("agent", own(&rng.some(&["web", "WEB", "y"], 2))),
            _ => (
                rng.pick(&["IP", "dnsName", "addr", "anything"]),
                own(&rng.some(&["x", "[10.*]", "web"], 2)),
            ),
        };
        if key == "scope" {
            values.truncate(1 + rng.below(2));
        }
        if rng.chance(4) && key.starts_with("request") {
            values.push("junk".to_owned());
        }
        out.insert(key.to_owned(), json!(values));
    }
    Value::Object(out)
}

fn own(values: &[&str]) -> Vec<String> {
    values.iter().map(|v| (*v).to_owned()).collect()
}

/// What the outside answers to a question: the same for the same question and seed.
pub fn outside(seed: u64, question: &Value) -> Value {
    let text = question.to_string();
    let mixed = text.bytes().fold(seed, |sum, byte| {
        sum.wrapping_mul(0x0100_0000_01B3) ^ u64::from(byte)
    });
    let mut rng = Rng::new(mixed);
    if rng.chance(15) {
        let mut failed = json!({"error": "no answer"});
        if rng.chance(50) {
            failed["ttl"] = json!(if rng.chance(50) {
                0
            } else {
                1_790_000_000_000_i64
            });
        }
        return failed;
    }
    let satisfied = rng.chance(50);
    let mut out = json!({"satisfied": satisfied, "attributes": {}, "advices": {}});
    if rng.chance(40) {
        out["attributes"] = json!({"ra": rng.some(&["1", "2"], 2)});
    }
    if !satisfied && rng.chance(60) {
        out["advices"] = json!({rng.pick(&["MyAdvice", "TransactionConditionAdvice"]): rng.some(&["b", "a"], 2)});
    }
    if satisfied && rng.chance(40) {
        out["ttl"] = json!(1_790_000_000_000_i64);
    }
    out
}
