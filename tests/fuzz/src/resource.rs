//! Resource names: the canonical form is stable, and equal names get equal answers.

use assize_engine::answer;
use assize_engine::resource::canonical;
use assize_tests::reference::Name;
use serde_json::{Value, json};

use crate::answer::well_formed;
use crate::world::world;

/// Takes a resource name as UTF-8.
pub fn check(data: &[u8]) {
    let Ok(name) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(form) = canonical(name) else {
        let refused = ask(name);
        assert_eq!(
            refused.pointer("/error/code"),
            Some(&json!("badResource")),
            "{name:?}: {refused}"
        );
        assert!(Name::new(name).is_err(), "the reference refuses {name:?}");
        return;
    };
    assert_eq!(
        canonical(&form).as_ref(),
        Ok(&form),
        "the canonical form of {name:?} is its own"
    );

    let as_sent = ask(name);
    let as_stored = ask(&form);
    assert_eq!(
        contribution(&as_sent),
        contribution(&as_stored),
        "{name:?} and {form:?} are one resource"
    );
    assert_eq!(
        Name::new(name).map(|reference| reference.text),
        Ok(form),
        "the reference takes {name:?} and writes it the same way"
    );
}

/// What is decided, without the name that it is decided for.
fn contribution(answer: &Value) -> Option<[Option<&Value>; 4]> {
    let decision = answer.pointer("/decisions/0")?;
    Some(["actions", "attributes", "advices", "ttl"].map(|member| decision.get(member)))
}

fn ask(name: &str) -> Value {
    let request = json!({
        "resources": [name],
        "subject": {"principals": ["id=ann,ou=user,dc=example"], "session": {"AuthLevel": "1"}},
        "now": 1_773_800_000_000_i64,
    });
    let answer = well_formed(&answer(&world().bundle, request.to_string().as_bytes()));
    let code = answer
        .pointer("/error/code")
        .and_then(Value::as_str)
        .unwrap_or_default();
    assert!(
        matches!(code, "" | "badResource" | "limitExceeded"),
        "{name:?}: {answer}"
    );
    answer
}
