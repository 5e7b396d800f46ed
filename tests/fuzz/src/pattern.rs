//! Patterns: canonical once and for all, and covering what the reference says they cover.

use assize_engine::model::Policy;
use assize_engine::resource::canonical;
use assize_engine::{Bundle, answer};
use assize_tests::reference::{Name, Pattern};
use serde_json::{Value, json};

use crate::answer::well_formed;
use crate::world::bundle_of;

/// Takes two lines of UTF-8: a pattern, and a name.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (pattern, name) = text.split_once('\n').unwrap_or((text, text));
    let Ok(policy) = Policy::parse(&policy_on(pattern)) else {
        return;
    };
    let form = canonical(pattern);
    let Ok(form) = form else {
        unreachable!("a policy on {pattern:?} was accepted")
    };
    assert_eq!(
        canonical(&form).as_ref(),
        Ok(&form),
        "the canonical form of {pattern:?} is its own"
    );
    assert!(
        Policy::parse(&policy_on(&form)).is_ok(),
        "a policy on {form:?} is accepted"
    );
    let reference = Pattern::new(pattern);
    assert_eq!(
        reference.as_ref().map(|reference| reference.text.as_str()),
        Ok(form.as_str()),
        "the reference takes {pattern:?} and writes it the same way"
    );

    let Ok(bundle) = Bundle::load(bundle_of(&[policy])) else {
        unreachable!("what is linked can be loaded")
    };
    let request = json!({"resources": [name], "subject": {"session": {}}, "now": 0}).to_string();
    let answer = well_formed(&answer(&bundle, request.as_bytes()));
    let covers = answer.pointer("/decisions/0/actions/GET") == Some(&Value::Bool(true));
    match (Name::new(name), reference) {
        (Ok(resource), Ok(reference)) if answer.get("error").is_none() => {
            assert_eq!(
                covers,
                reference.covers(&resource),
                "whether {pattern:?} covers {name:?}"
            );
        }
        _ => assert!(
            !covers,
            "{pattern:?} cannot cover {name:?}, which is no name"
        ),
    }
}

fn policy_on(pattern: &str) -> Value {
    json!({
        "name": "p",
        "active": true,
        "applicationName": crate::world::POLICY_SET,
        "resourceTypeUuid": "76656a38-5f8e-401b-83aa-4ccb74ce88d2",
        "resources": [pattern],
        "actionValues": {"GET": true},
        "subject": {"type": "AuthenticatedUsers"},
    })
}
