//! LDAP filters (RFC 4515): printing and parsing are each other's inverse, and a filter means what the reference says.

use assize_engine::lang::filter::Filter;
use serde_json::json;

use crate::policy;

/// Takes a filter as UTF-8.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let written = policy::accepted(&json!({
        "name": "p",
        "active": true,
        "applicationName": crate::world::POLICY_SET,
        "resourceTypeUuid": "76656a38-5f8e-401b-83aa-4ccb74ce88d2",
        "resources": ["http://h:80/a"],
        "actionValues": {"GET": true},
        "subject": {"type": "AuthenticatedUsers"},
        "condition": {"type": "LDAPFilter", "ldapFilter": text},
    }));
    match Filter::parse(text) {
        Ok(filter) => {
            let printed = filter.to_string();
            assert_eq!(
                Filter::parse(&printed).as_ref(),
                Ok(&filter),
                "{text:?} prints as {printed:?}, which means it"
            );
            assert!(written, "a policy with the filter {text:?} is accepted");
        }
        Err(_) => assert!(!written, "a policy with {text:?} for a filter is refused"),
    }
}
