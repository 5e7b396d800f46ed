//! What each privilege opens, and every operation there is.

use serde_json::{Value, json};

/// What each privilege opens, written as the operations below are.
pub(crate) const OPENED: [(&str, &[&str]); 22] = [
    ("RealmAdmin", &["everything"]),
    (
        "PolicyAdmin",
        &[
            "policies read",
            "policies modify",
            "applications read",
            "applications modify",
            "resourcetypes read",
            "resourcetypes modify",
            "applicationtypes read",
            "conditiontypes read",
            "subjecttypes read",
            "decisioncombiners read",
            "subjectattributes read",
            "realms read",
            "sessions property",
        ],
    ),
    ("EntitlementRestAccess", &["policies evaluate"]),
    ("PrivilegeRestReadAccess", &["policies read"]),
    ("PrivilegeRestAccess", &["policies modify"]),
    ("ApplicationReadAccess", &["applications read"]),
    ("ApplicationModifyAccess", &["applications modify"]),
    ("ResourceTypeReadAccess", &["resourcetypes read"]),
    ("ResourceTypeModifyAccess", &["resourcetypes modify"]),
    ("ApplicationTypesReadAccess", &["applicationtypes read"]),
    ("ConditionTypesReadAccess", &["conditiontypes read"]),
    ("SubjectTypesReadAccess", &["subjecttypes read"]),
    ("DecisionCombinersReadAccess", &["decisioncombiners read"]),
    ("SubjectAttributesReadAccess", &["subjectattributes read"]),
    ("RealmReadAccess", &["realms read"]),
    ("SessionPropertyModifyAccess", &["sessions property"]),
    ("AgentAdmin", &[]),
    ("CacheAdmin", &[]),
    ("FederationAdmin", &[]),
    ("LogAdmin", &[]),
    ("LogRead", &[]),
    ("LogWrite", &[]),
];

/// Listings that are the same in all realms, so that a privilege held anywhere will do.
const ANYWHERE: [&str; 4] = [
    "applicationtypes read",
    "conditiontypes read",
    "subjecttypes read",
    "decisioncombiners read",
];

/// Every operation of the guarded endpoints: what it needs, the call, its version and its body.
pub(crate) fn operations(victim: &str) -> Vec<(String, String, &'static str, Value)> {
    let mut list = Vec::new();
    let mut add = |needs: &str, call: String, version: &'static str, body: Value| {
        list.push((needs.to_owned(), call, version, body));
    };
    for (endpoint, version, unknown) in [
        ("policies", "resource=2.1", "nope"),
        ("applications", "resource=2.1", "nope"),
        ("resourcetypes", "resource=1.0", "nope"),
        ("scripts", "resource=1.0", "nope"),
        ("realm-config/authentication/chains", "resource=1.0", "nope"),
        (
            "realm-config/authentication/modules/datastore",
            "resource=1.0",
            "nope",
        ),
        ("users", "resource=4.1", "nope"),
        ("groups", "resource=4.1", "nope"),
        ("global-config/realms", "resource=1.0", "L25vcGU"),
        ("applicationtypes", "resource=1.0", "nope"),
        ("conditiontypes", "resource=1.0", "nope"),
        ("subjecttypes", "resource=1.0", "nope"),
        ("decisioncombiners", "resource=1.0", "nope"),
        ("subjectattributes", "resource=1.0", "nope"),
    ] {
        let named = endpoint.rsplit('/').next().unwrap();
        let (read, modify) = (format!("{named} read"), format!("{named} modify"));
        add(
            &read,
            format!("GET {endpoint}?_queryFilter=true"),
            version,
            Value::Null,
        );
        // Groups can be read by name by everybody of their realm, and that is told elsewhere.
        if endpoint != "groups" {
            add(
                &read,
                format!("GET {endpoint}/{unknown}"),
                version,
                Value::Null,
            );
        }
        add(
            &modify,
            format!("POST {endpoint}?_action=create"),
            version,
            json!({}),
        );
        add(
            &modify,
            format!("DELETE {endpoint}/{unknown}"),
            version,
            Value::Null,
        );
        if !matches!(endpoint, "users" | "groups") {
            add(
                &modify,
                format!("PATCH {endpoint}/{unknown}"),
                version,
                json!([]),
            );
            add(
                &modify,
                format!("PUT {endpoint}/{unknown}"),
                version,
                json!({}),
            );
            add(
                &format!("{named} schema"),
                format!("POST {endpoint}?_action=schema"),
                version,
                json!({}),
            );
        }
    }
    for action in ["copy", "move"] {
        add(
            "policies modify",
            format!("POST policies/nope?_action={action}"),
            "resource=2.1",
            json!({}),
        );
        add(
            "policies modify",
            format!("POST policies?_action={action}"),
            "resource=2.1",
            json!({}),
        );
    }
    for action in ["evaluate", "evaluateTree"] {
        add(
            "policies evaluate",
            format!("POST policies?_action={action}"),
            "resource=2.1",
            json!({}),
        );
    }
    for action in [
        "getProperty",
        "setProperty",
        "deleteProperty",
        "getPropertyNames",
    ] {
        let call = format!("POST sessions?_action={action}&tokenId={victim}");
        add(
            "sessions property",
            call,
            "resource=1.2",
            json!({"properties": []}),
        );
    }
    for action in ["isActive", "getIdle", "getMaxSessionTime", "getTimeLeft"] {
        let call = format!("POST sessions?_action={action}&tokenId={victim}");
        add("sessions modify", call, "resource=1.2", json!({}));
    }
    let query = "GET sessions?_queryFilter=username eq \"victim\" and realm eq \"{realm}\"";
    add("sessions read", query.into(), "resource=2.0", Value::Null);
    let all = "GET sessions?_queryFilter=realm eq \"{realm}\"";
    add("sessions read", all.into(), "resource=2.0", Value::Null);
    let by_user = "POST sessions?_action=logoutByUser";
    add(
        "sessions modify",
        by_user.into(),
        "resource=4.0",
        json!({"username": "nobody"}),
    );
    list
}

/// Whether one of these privileges, granted in alpha, opens an operation in a realm.
pub(crate) fn opened(privileges: &[&str], needs: &str, realm: &str) -> bool {
    let within = realm != "/" || ANYWHERE.contains(&needs);
    let open = |name: &&str| {
        let (_, opened) = OPENED.iter().find(|(known, _)| known == name).unwrap();
        // What nobody but the realm's administrator has in the root, it has only for what is the same everywhere.
        (opened.contains(&"everything") && (realm != "/" || is_same_everywhere(needs)))
            || (within && opened.contains(&needs))
    };
    privileges.iter().any(open)
}

fn is_same_everywhere(needs: &str) -> bool {
    ANYWHERE
        .iter()
        .any(|known| known.split(' ').next() == needs.split(' ').next())
}
